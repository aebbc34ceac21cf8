"""The ONNX file, run by ONNX Runtime, against the Keras network."""

import io
import json
import pathlib
import sys
import textwrap

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from onnx import TensorProto
from PIL import Image, ImageOps

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import (
    centre_crop_probabilities,
    ten_crop_probabilities,
)
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from export import onnx_format
from export.onnx_format import write_onnx
from export.onnx_graph import ten_crop_model
from modes import export
from tests.signal_network import CLASSES, records, small_network

STRONG_LRN = {"lrn.alpha": 0.01}


def session_of(model):
    return onnxruntime.InferenceSession(
        model, providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        STRONG_LRN,
        {"lrn.scope": "layer", **STRONG_LRN},
        {"lrn.scope": "none"},
        {"lrn.n": 3, "lrn.k": 1.0, "lrn.alpha": 0.02, "lrn.beta": 0.6},
        {"towers": 1, **STRONG_LRN},
        {"towers": 1, "lrn.scope": "layer", **STRONG_LRN},
        {"towers": 1, "lrn.scope": "none", "crop": 227},
        {"crop": 227},
        {"crop": 113},
        {"crop": 256},
        {"mean": "rgb", "lighting.std": 0.0},
        {"channel_order": "bgr", "input_divisor": 1.1},
        {"dropout": 0.2},
        {"dropout_kind": "inverted"},
        {"conv1_order": "lrn_pool_relu", **STRONG_LRN},
        {"conv1_order": "lrn_pool_relu", "activation": "tanh"},
        {"same_map_norm.size": 5, "same_map_norm.alpha": 0.004},
        {"same_map_norm.size": 3, "towers": 1, "same_map_norm.beta": 0.6},
        {"without": ("conv2", "conv3")},
        {"without": ("conv4", "conv5"), "lrn.scope": "layer"},
        {"mean": "given", "mean_values": (150.0, 90.0, 60.0)},
        {"activation": "tanh"},
        {"activation": "sigmoid"},
        {"pool_size": 2},
        {"pool_stride": 3},
        {"kernels": (48, 64, 80, 96, 112), "units": 320, "dropout": 0.0},
    ],
    ids=str,
)
def test_every_option_of_the_network(options):
    trained = small_network(**options)
    model = ten_crop_model(trained.network, trained.crop)
    onnx.checker.check_model(model, full_check=True)
    session = session_of(model.SerializeToString())
    [bias] = trained.network.get_layer("fc8").biases
    for batch in (1, 3):
        images = records(batch)
        expected = ten_crop_probabilities(
            trained.network, images, trained.crop
        ).numpy()
        probabilities, logits = session.run(
            ["probabilities", "logits"], {"images": images}
        )
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)
        start = (256 - trained.crop) // 2
        centre = slice(start, start + trained.crop)
        np.testing.assert_allclose(
            logits,
            trained.network(images[:, centre, centre]).numpy(),
            rtol=0,
            atol=1e-5 * np.abs(logits - bias).max(),  # of the sum rounded
        )
    # Answers that are all alike would prove little.
    assert np.ptp(expected, axis=0).max() > 0.01
    centre_alone = centre_crop_probabilities(
        trained.network, images, trained.crop
    )
    assert np.abs(expected - centre_alone).max() > 1e-3


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory, finished_run):
    """The finished run as an ONNX file. Read only."""
    folder = tmp_path_factory.mktemp("exports") / "deep" / "alexnet"
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(folder),
        format="onnx",
    )
    assert export.main(options) == 0
    assert [path.name for path in folder.iterdir()] == ["alexnet.onnx"]
    return folder / "alexnet.onnx"


def test_a_run_answers_as_keras_does(onnx_file, finished_run, photographs):
    trained = load_trained(Run(finished_run))
    images = np.stack([to_record(decode(p)).numpy() for p in photographs])
    expected = ten_crop_probabilities(trained.network, images, trained.crop)
    [probabilities] = session_of(onnx_file).run(
        ["probabilities"], {"images": images}
    )
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)


def test_the_interface(onnx_file):
    onnx.checker.check_model(str(onnx_file), full_check=True)
    model = onnx.load(onnx_file)

    def described(values):
        return {
            value.name: (
                value.type.tensor_type.elem_type,
                [
                    size.dim_param or size.dim_value
                    for size in value.type.tensor_type.shape.dim
                ],
            )
            for value in values
        }

    assert described(model.graph.input) == {
        "images": (TensorProto.UINT8, ["batch", 256, 256, 3])
    }
    assert described(model.graph.output) == {
        "probabilities": (TensorProto.FLOAT, ["batch", 3]),
        "logits": (TensorProto.FLOAT, ["batch", 3]),
    }
    # Nothing that only one runtime knows.
    assert [opset.domain for opset in model.opset_import] == [""]
    assert model.producer_name == "alexnet_tf"
    assert "images" in model.doc_string
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(metadata["class_names"]) == ["blue", "green", "red"]


def test_class_names_of_any_kind(tmp_path):
    file = write_onnx(tmp_path, small_network())
    metadata = session_of(file).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(metadata["class_names"])) == CLASSES


def test_weights_are_stored_once(tmp_path):
    trained = small_network()
    parameters = sum(
        4 * int(np.prod(weight.shape))
        for weight in trained.network.weights
        if weight.dtype == "float32"
    )
    size = write_onnx(tmp_path, trained).stat().st_size
    assert parameters < size < 1.05 * parameters


def test_the_program_in_the_docstring(onnx_file, finished_run, monkeypatch):
    # As a reader would: indented lines are the program.
    program = "\n".join(
        textwrap.dedent(line)
        for line in onnx_format.__doc__.splitlines()
        if line.startswith("    ") and ("=" in line)
    )
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (6, 8, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((500, 375), Image.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "PNG")
    monkeypatch.chdir(onnx_file.parent)
    names = {"file": file, "Image": Image, "ImageOps": ImageOps}
    names |= {"np": np, "json": json, "onnxruntime": onnxruntime}
    exec(program, names)
    record = to_record(decode(file.getvalue()))
    difference = np.abs(names["images"][0] - tf.cast(record, tf.float32))
    assert difference.mean() < 1
    trained = load_trained(Run(finished_run))
    expected = ten_crop_probabilities(
        trained.network, record[None], trained.crop
    )
    np.testing.assert_allclose(names["probabilities"], expected, atol=0.01)
    assert tuple(names["names"]) == trained.class_names


def test_a_second_export_replaces_the_first(tmp_path):
    (tmp_path / "alexnet.onnx").write_text("of last week")
    file = write_onnx(str(tmp_path), small_network())
    assert file == tmp_path / "alexnet.onnx"
    onnx.checker.check_model(str(file))


def test_an_interrupted_export_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "alexnet.onnx").write_text("of last week")

    def interrupt(path, data):
        path.write_text("half a mod")
        raise KeyboardInterrupt

    trained = small_network()
    monkeypatch.setattr(pathlib.Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_onnx(tmp_path, trained)
    [file] = tmp_path.iterdir()
    assert file.read_text() == "of last week"


def test_an_unwritable_folder_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--export_dir=.* cannot be written"):
        write_onnx(tmp_path / "file" / "model", small_network())


def test_without_onnx_the_user_learns_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"--group onnx"):
        write_onnx(tmp_path, small_network())


def test_weights_beyond_what_a_file_holds(tmp_path, monkeypatch):
    trained = small_network()
    limit = 4 * trained.network.count_params()
    monkeypatch.setattr(onnx_format, "MOST_BYTES", limit - 1)
    with pytest.raises(UserError, match="an ONNX file holds 2 GB"):
        write_onnx(tmp_path, trained)
    assert not any(tmp_path.iterdir())
    monkeypatch.setattr(onnx_format, "MOST_BYTES", limit)
    assert write_onnx(tmp_path, trained).is_file()


def test_a_layer_of_another_kind_is_not_left_out():
    network = keras.Sequential(
        [keras.Input((224, 224, 3)), keras.layers.Flatten(name="flat")]
    )
    with pytest.raises(NotImplementedError, match="flat"):
        ten_crop_model(network, 224)
