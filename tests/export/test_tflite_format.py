"""The LiteRT file against Keras, in LiteRT's own interpreter."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import centre_crop_probabilities
from alexnet_tf.run.trained import TrainedNetwork
from export.tflite_format import write_tflite
from tests.signal_network import CLASSES, records, small_network
from tests.slow import slow

# TensorFlow's copy of the interpreter asks to use the other package.
pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is dep")


@pytest.fixture(scope="module")
def trained():
    return small_network(width=1 / 16)


def interpreter_of(file):
    # Without the delegate, which would keep its own copy of the weights.
    resolver = (
        tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter = tf.lite.Interpreter(
        str(file), experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    return interpreter


def kernels_in(interpreter, dtype, like):
    """Tensors of a dtype and of a kernel's shape, with their scales."""
    sizes = {kernel.size for kernel in like}
    for tensor in interpreter.get_tensor_details():
        shape = tensor["shape"]
        if tensor["dtype"] == dtype and np.prod(shape, dtype=int) in sizes:
            yield (
                interpreter.get_tensor(tensor["index"]),
                tensor["quantization_parameters"]["scales"],
            )


def fully_connected(trained):
    """Kernels of fc6 and fc7, [units, inputs] as LiteRT has them."""
    return [
        kernel.numpy().T
        for name in ("fc6", "fc7")
        for kernel in trained.network.get_layer(name).kernels
    ]


@pytest.mark.parametrize(
    "quantize",
    ["none", slow("float16"), "int8"],
)
def test_it_answers_as_keras_does(quantize, trained, tmp_path):
    file = write_tflite(tmp_path / "phone", trained, quantize)
    [written] = (tmp_path / "phone").iterdir()
    assert written == file
    with zipfile.ZipFile(file) as archive:
        names = archive.read("labels.txt").decode()
    assert names == "".join(f"{name}\n" for name in CLASSES)
    interpreter = interpreter_of(file)
    answer = interpreter.get_signature_runner()
    images = records(6)
    expected = centre_crop_probabilities(
        trained.network, tf.constant(images), trained.crop
    )
    found = np.concatenate(
        [answer(images=image[None])["probabilities"] for image in images]
    )
    if quantize == "none":
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
        return
    # Whoever mixes up classes, or crops, is further away.
    assert np.corrcoef(found.ravel(), np.ravel(expected))[0, 1] > 0.99
    wanted = fully_connected(trained)
    if quantize == "float16":
        kernels = [k for k, _ in kernels_in(interpreter, np.float16, wanted)]
        for kernel in wanted:
            assert any(np.array_equal(k, np.float16(kernel)) for k in kernels)
        return
    kernels = list(kernels_in(interpreter, np.int8, wanted))
    for kernel in wanted:
        # A rounding of half a step, and the product's in float32.
        assert any(
            stored.shape == kernel.shape
            and len(scales) == len(kernel)
            and np.all(
                np.abs(stored * scales[:, None] - kernel)
                <= 0.5001 * scales[:, None]
            )
            for stored, scales in kernels
        )


def test_what_it_cannot_carry_is_named(tmp_path):
    network = keras.Sequential(
        [
            keras.Input((224, 224, 3), dtype="uint8"),
            keras.layers.Lambda(
                lambda x: tf.linalg.svd(
                    tf.cast(x[:, :4, :4, 0], tf.float32), compute_uv=False
                )
            ),
        ]
    )
    with pytest.raises(UserError, match=r"cannot carry tf\.Svd: use --form"):
        write_tflite(tmp_path, TrainedNetwork(network, 224, CLASSES), "none")
    assert not any(tmp_path.iterdir())
