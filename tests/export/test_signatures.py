"""What the exported signatures answer, in a Session of another process."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities, ten_crops
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from tests.slow import slow

JUNK = b"no image"


@pytest.fixture(scope="module")
def trained(finished_run):
    return load_trained(Run(finished_run))


@pytest.fixture(scope="module")
def records(photographs):
    return tf.stack([to_record(decode(p)) for p in photographs])


@pytest.fixture(scope="module")
def expected(trained, records):
    """Keras' probabilities, float64 [18, 3]."""
    return ten_crop_probabilities(
        trained.network, records, trained.crop
    ).numpy()


def check_best(answers, expected, class_names):
    # Three classes: fewer than five are answered.
    order = np.argsort(-expected, axis=1)
    np.testing.assert_allclose(
        answers["scores"],
        np.take_along_axis(expected, order, axis=1),
        atol=1e-6,
    )
    # Where two probabilities agree to 1e-5 their order is open.
    names = np.array([name.encode() for name in class_names])
    clear = expected.max(axis=1) - np.median(expected, axis=1) > 1e-4
    assert clear.any()
    np.testing.assert_array_equal(
        answers["classes"][clear, 0], names[order[clear, 0]]
    )


def test_serving_default(run_in_session, photographs, expected, trained):
    answers = run_in_session("serving_default", "image_bytes", photographs)
    assert answers.keys() == {"classes", "scores", "valid"}
    assert answers["scores"].dtype == np.float32
    assert answers["valid"].dtype == bool
    assert answers["valid"].all()
    check_best(answers, expected, trained.class_names)


@pytest.mark.parametrize("onednn", [slow("0"), "1"])
@pytest.mark.slow
def test_probabilities_without_xla_and_with_and_without_onednn(
    run_in_session, photographs, expected, onednn
):
    answers = run_in_session(
        "probabilities",
        "image_bytes",
        photographs,
        no_xla=True,
        TF_ENABLE_ONEDNN_OPTS=onednn,
    )
    assert answers.keys() == {"probabilities", "valid"}
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-6)


def test_a_bad_image_is_alone(run_in_session, photographs, expected):
    good = photographs[0]
    wide = tf.io.encode_png(tf.zeros([2, 100, 3], tf.uint8)).numpy()
    values = np.array([JUNK, good, b"", good[:-20], good, wide], object)
    valid = [False, True, False, False, True, False]
    answers = run_in_session("serving_default", "image_bytes", values)
    np.testing.assert_array_equal(answers["valid"], valid)
    for row, is_valid in enumerate(valid):
        if is_valid:
            np.testing.assert_allclose(
                answers["scores"][row], np.sort(expected[0])[::-1], atol=1e-6
            )
        else:
            assert not answers["scores"][row].any()
            assert not any(answers["classes"][row])


def test_all_bad(run_in_session):
    values = np.array([JUNK, JUNK], object)
    answers = run_in_session("probabilities", "image_bytes", values)
    assert not answers["valid"].any()
    np.testing.assert_array_equal(answers["probabilities"], np.zeros((2, 3)))


def test_features(run_in_session, photographs, records, trained):
    values = np.array([photographs[0], JUNK, photographs[1]], object)
    answers = run_in_session("features", "image_bytes", values)
    # fc8 of the features must be the network's logits of the central crop.
    centre = records[:2, 16:240, 16:240]
    [kernel] = trained.network.get_layer("fc8").kernels
    [bias] = trained.network.get_layer("fc8").biases
    features = answers["features"][[0, 2]]
    assert features.shape == (2, 4096 // 16)
    assert features.dtype == np.float32
    # The paper's dropout halves what fc8 reads, at test time.
    read = 0.5 * features.astype(np.float64)
    logits = read @ kernel.numpy() + bias.numpy()
    np.testing.assert_allclose(
        logits, trained.network(centre).numpy(), atol=1e-4, rtol=1e-4
    )
    assert not answers["features"][1].any()
    np.testing.assert_array_equal(answers["valid"], [True, False, True])


def test_crops(run_in_session, photographs, records):
    values = np.array([photographs[0], JUNK], object)
    answers = run_in_session("crops", "image_bytes", values)
    files = answers["crops_bytes"]
    assert files.shape == (2, 10)
    shown = np.stack([tf.io.decode_jpeg(f).numpy() for f in files[0]])
    wanted = ten_crops(records[:1], 224)[0].numpy()
    # JPEG loses something; a crop from elsewhere would lose far more.
    error = np.abs(shown.astype(float) - wanted).mean(axis=(1, 2, 3))
    assert error.max() < 6
    assert not any(files[1])
    np.testing.assert_array_equal(answers["valid"], [True, False])


def test_images(run_in_session, records, expected, trained):
    answers = run_in_session("images", "images", records.numpy())
    assert answers.keys() == {"classes", "scores", "probabilities"}
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-6)
    check_best(answers, expected, trained.class_names)


def example(**features):
    message = tf.train.Example()
    for name, values in features.items():
        if isinstance(values[0], bytes):
            message.features.feature[name].bytes_list.value.extend(values)
        else:
            message.features.feature[name].float_list.value.extend(values)
    return message.SerializeToString()


def test_classify(run_in_session, photographs, expected, trained):
    good = [example(image=[photograph]) for photograph in photographs]
    bad = [
        example(image=[JUNK]),
        example(picture=[photographs[0]]),
        example(image=[1.5]),
        example(image=[photographs[0], photographs[0]]),
        b"no example",
    ]
    answers = run_in_session("classify", "inputs", np.array(good + bad, object))
    assert answers.keys() == {"classes", "scores"}
    count = len(good)
    best = {name: rows[:count] for name, rows in answers.items()}
    check_best(best, expected, trained.class_names)
    assert not answers["scores"][count:].any()


@pytest.mark.parametrize(
    ("signature", "name", "values", "complaint"),
    [
        (
            "serving_default",
            "image_bytes",
            np.array(JUNK, object),
            "not compatible with expected shape",
        ),
        (
            "classify",
            "inputs",
            np.array([[JUNK]], object),
            "not compatible with expected shape",
        ),
        (
            "images",
            "images",
            np.zeros((1, 10, 10, 3), np.uint8),
            "not compatible with expected shape",
        ),
        ("features", "image_bytes", np.array([], object), "at least one"),
        (
            "serving_default",
            "image_bytes",
            np.array([JUNK] * 129, object),
            "at most 128 images a request",
        ),
    ],
)
def test_wrong_inputs_are_refused_clearly(
    run_in_session, signature, name, values, complaint
):
    with pytest.raises(RuntimeError, match=complaint):
        run_in_session(signature, name, values)
