"""8-bit integers in the ONNX file, against the weights and the float32 file."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from export.onnx_format import write_onnx
from modes import export
from tests.conftest import CLASSES


@pytest.fixture(scope="module")
def int8_file(tmp_path_factory, finished_run):
    """The finished run, calibrated on its own training images. Read only."""
    folder = tmp_path_factory.mktemp("int8")
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(folder),
        format="onnx",
        quantize="int8",
    )
    assert export.main(options) == 0
    [file] = folder.iterdir()
    assert file.name == "alexnet-int8.onnx"
    return file


def test_weights_have_a_scale_for_each_kernel(int8_file, finished_run):
    network = load_trained(Run(finished_run)).network
    model = onnx.load(int8_file)
    found = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    for name, axis in (("conv2", 0), ("conv5", 0), ("fc6", 1), ("fc8", 1)):
        layer = network.get_layer(name)
        kernel = np.concatenate([k.numpy() for k in layer.kernels], axis=-1)
        if axis == 0:
            kernel = kernel.transpose(3, 2, 0, 1)
        stored = found[f"{name}/kernel_quantized"]
        scale = found[f"{name}/kernel_scale"]
        assert stored.dtype == np.int8
        assert np.abs(stored).max() <= 64  # 7 bits
        assert len(scale) == kernel.shape[axis]
        step = np.expand_dims(
            scale, [a for a in range(kernel.ndim) if a != axis]
        )
        assert np.all(np.abs(stored * step - kernel) <= 0.5001 * step)
    assert found["mean/image"].dtype == np.float32
    assert found["lrn1/alphas"].dtype == np.float32


def test_it_answers_nearly_as_in_float32(
    int8_file, finished_run, image_folder, tmp_path
):
    random = np.random.default_rng(1)
    images = random.integers(0, 100, (9, 256, 256, 3), np.uint8)
    for number, image in enumerate(images):
        image[..., number % 3] += 120
    exact = write_onnx(tmp_path, load_trained(Run(finished_run)))
    answers = [
        onnxruntime.InferenceSession(
            file, providers=["CPUExecutionProvider"]
        ).run(["probabilities", "logits"], {"images": images})
        for file in (exact, int8_file)
    ]
    for one, other in zip(*answers, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99
        assert not np.array_equal(one, other)
    metadata = {p.key: p.value for p in onnx.load(int8_file).metadata_props}
    assert tuple(json.loads(metadata["class_names"])) == CLASSES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"format": "onnx", "quantize": "float16"},
            "--format=onnx has no --quantize=float16: it can be none or int8",
        ),
        (
            {"format": "keras", "quantize": "int8"},
            "--format=keras has no --quantize=int8: only onnx and tflite have",
        ),
        (
            {"format": "tflite", "quantize": "int8", "data_dir": "images"},
            "--data_dir and --download are for --format=onnx --quantize=int8",
        ),
        (
            {"format": "onnx", "quantize": "int8", "data_dir": "gone"},
            "gone",
        ),
    ],
)
def test_what_does_not_belong_together(
    changes, message, finished_run, tmp_path
):
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(tmp_path / "model"),
        **changes,
    )
    with pytest.raises(UserError, match=message):
        export.main(options)
    assert not (tmp_path / "model").exists()
