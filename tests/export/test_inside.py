"""The signatures that show the inside, against Keras and NumPy."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.analysis.grad_cam import GradCam
from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.network import build_network
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from export.architecture import architecture
from export.server.models.signature import Signature
from export.server.serving_error import ServingError

LAYERS = (
    *("conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2"),
    *("conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"),
)


@pytest.fixture(scope="module")
def network(finished_run):
    return load_trained(Run(finished_run)).network


@pytest.fixture(scope="module")
def ask(exported):
    """Function: signature, inputs -> {output: array}, as TF Serving runs it."""
    # Not `with session`: it would be the default for what Keras does below.
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        path = str(exported / "1")
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], path)

    def run(name, **inputs):
        feeds = {
            key: np.array(
                values, np.int32 if isinstance(values[0], int) else object
            )
            for key, values in inputs.items()
        }
        return arrays(name, feeds)

    def arrays(name, feeds):
        return Signature(session, loaded.signature_def[name]).run(feeds, 60)

    run.arrays = arrays
    run.signatures = loaded.signature_def
    yield run
    session.close()


@pytest.fixture(scope="module")
def record(ask, photographs):
    """A record as the model answers it: a PNG file."""
    answer = ask("record", image_bytes=[photographs[7], b"no image"])
    np.testing.assert_array_equal(answer["valid"], [True, False])
    assert answer["record_bytes"][1] == b""
    return answer["record_bytes"][0]


@pytest.fixture(scope="module")
def crop(photographs):
    """The central crop of the same photograph, uint8 [1, 224, 224, 3]."""
    return to_record(decode(photographs[7])).numpy()[None, 16:240, 16:240]


def array_of(serialized):
    return tf.io.parse_tensor(serialized, tf.float32).numpy()


def test_a_record_is_what_the_model_sees(record, photographs):
    shown = tf.io.decode_png(record).numpy()
    np.testing.assert_array_equal(shown, to_record(decode(photographs[7])))


def test_maps_are_keras_layer_outputs(ask, network, record, crop):
    outputs = {name: network.get_layer(name).tower_outputs for name in LAYERS}
    wanted = keras.Model(network.input, outputs)(crop, training=False)
    files = ask("maps", record_bytes=[record] * 13, layer=list(LAYERS))
    for name, file in zip(LAYERS, files["maps_bytes"], strict=True):
        expected = np.concatenate(wanted[name], axis=-1)[0]
        # Another order of the same float32 sums.
        atol = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(array_of(file), expected, 1e-4, atol)


def test_lrn_before_and_after(ask, record):
    files = ask("maps", record_bytes=[record] * 2, layer=["conv1", "lrn1"])
    before, after = map(array_of, files["maps_bytes"])
    for tower in np.split(np.arange(before.shape[-1]), 2):
        a = before[..., tower].astype(np.float64)
        for i in range(len(tower)):
            near = a[..., max(0, i - 2) : i + 3]
            b = a[..., i] / (2 + 1e-4 * np.sum(near**2, axis=-1)) ** 0.75
            np.testing.assert_allclose(after[..., tower[i]], b, 1e-5, 1e-6)


def test_kernels_and_input_give_conv1(ask, network, record):
    """A place of conv1 by hand: what the page computes for its reader."""
    files = ask("maps", record_bytes=[record] * 2, layer=["input", "conv1"])
    seen, maps = map(array_of, files["maps_bytes"])
    seen = np.pad(seen, [(0, 3), (0, 3), (0, 0)])
    last = maps.shape[-1] - 1  # of the second tower
    for number in (0, last):
        answer = ask("kernels", layer=["conv1"], map_index=[number])
        kernel = array_of(answer["kernel_bytes"][0])
        for row, column in ((0, 0), (20, 33), (54, 54)):
            patch = seen[4 * row : 4 * row + 11, 4 * column : 4 * column + 11]
            total = np.sum(patch.astype(np.float64) * kernel)
            b = max(0.0, float(total + answer["bias"][0]))
            size = float(np.sum(np.abs(patch * kernel)))
            assert maps[row, column, number] == pytest.approx(
                b, abs=1e-6 * size
            )
    [_, conv3] = ask("kernels", layer=["conv1", "conv3"], map_index=[0, last])[
        "kernel_bytes"
    ]
    weights = network.get_layer("conv3").kernels[0].numpy()
    np.testing.assert_array_equal(array_of(conv3), weights[..., last])


def test_the_ten_crops_average_to_the_answer(ask, network, record, photographs):
    [each] = ask("crop_probabilities", record_bytes=[record])["probabilities"]
    assert each.shape == (10, 3)
    np.testing.assert_allclose(each.sum(axis=1), 1, atol=1e-6)
    assert np.ptp(each, axis=0).max() > 1e-5
    mean = ten_crop_probabilities(
        network, to_record(decode(photographs[7]))[None], 224
    )
    np.testing.assert_allclose(each.mean(axis=0), mean[0], atol=1e-6)


def test_grad_cam(ask, network, record, crop):
    found = ask("grad_cam", record_bytes=[record] * 2, label=[0, 2])
    wanted = GradCam(network)(np.repeat(crop, 2, axis=0), [0, 2]).numpy()
    assert wanted.max() > 0
    atol = 1e-4 * wanted.max()
    np.testing.assert_allclose(found["grad_cam"], wanted, atol=atol)


def test_about(ask, network):
    answers = ask("about", topic=["card", "network"])["about"]
    card, about = map(json.loads, answers)
    assert card["classes"] == ["blue", "green", "red"]
    assert card["accuracy"]["images"] == 18
    assert [layer["name"] for layer in about["layers"]] == list(LAYERS)
    for layer in about["layers"]:
        outputs = network.get_layer(layer["name"]).tower_outputs
        shapes = [[*layer["size"], maps] for maps in layer["maps"]]
        assert shapes == [list(output.shape[1:]) for output in outputs]


@pytest.mark.parametrize(
    ("options", "reads", "exchanges"),
    [
        # The paper's figure 2.
        ({}, "pool1", ["conv3", "fc6", "fc7", "fc8"]),
        # What the 2012 code has between them.
        (
            {"conv1_order": "lrn_pool_relu", "channel_order": "bgr"},
            "relu1",
            ["conv3", "fc6", "fc7", "fc8"],
        ),
        ({"towers": 1, "lrn.scope": "none"}, "pool1", None),
    ],
)
def test_the_network_as_a_page_draws_it(small_model, options, reads, exchanges):
    small_model.update_from_flattened_dict(options)
    about = architecture(build_network(small_model))
    layers = {layer["name"]: layer for layer in about["layers"]}
    assert layers["conv1"]["reads"] == "input"
    assert layers["conv2"]["reads"] == reads
    assert layers["fc7"]["reads"] == "fc6"
    assert about["channels"] == options.get("channel_order", "rgb")
    assert ("lrn1" in layers) == ("lrn.scope" not in options)
    if exchanges:
        meet = [name for name, x in layers.items() if x.get("exchange")]
        assert meet == exchanges
        assert layers["conv2"]["maps"] == [8, 8]
    else:
        assert layers["conv2"]["maps"] == [16]
    json.dumps(about)


def test_every_signature_limits_its_rows(ask):
    limited = []
    for name, definition in ask.signatures.items():
        if not definition.inputs:
            continue  # what restores the weights
        feeds = {}
        for key, tensor in definition.inputs.items():
            _, *inner = [dim.size for dim in tensor.tensor_shape.dim]
            dtype = tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype
            feeds[key] = np.full([129, *inner], 0, dtype)
            if dtype is object:
                feeds[key][:] = b""
        with pytest.raises(ServingError, match="at most 128"):
            ask.arrays(name, feeds)
        limited.append(name)
    assert len(limited) == 12
    assert len(ask("about", topic=["card"] * 128)["about"]) == 128


@pytest.mark.slow
def test_many_topics_take_no_memory(run_in_session):
    run_in_session("about", "topic", np.array([b"network"], object))
    before = run_in_session.peak_kb
    topics = np.array([b"network"] * 200_000, object)
    with pytest.raises(RuntimeError, match="at most 128 topics a request"):
        run_in_session("about", "topic", topics)
    # The names take 20 MB; the answers would take 0.4 GB.
    assert run_in_session.peak_kb - before < 100_000


JUNK = b"\x89PNG no image"


@pytest.mark.parametrize(
    ("signature", "inputs", "complaint"),
    [
        ("maps", {"layer": ["conv9"]}, "layer must be one of input, conv1"),
        ("maps", {"layer": ["conv1"] * 2}, "one layer for each row"),
        ("maps", {"layer": ["fc8"], "record_bytes": [JUNK]}, "256x256"),
        ("grad_cam", {"label": [3]}, "no class of such a number"),
        ("grad_cam", {"label": [-1]}, "no class of such a number"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    ask, record, signature, inputs, complaint
):
    with pytest.raises(ServingError, match=complaint):
        ask(signature, **{"record_bytes": [record], **inputs})


def test_what_is_not_there_is_refused(ask):
    with pytest.raises(ServingError, match="has no such map"):
        ask("kernels", layer=["conv1"], map_index=[6])
    with pytest.raises(ServingError, match="topic must be one of"):
        ask("about", topic=["weather"])
