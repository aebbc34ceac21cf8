"""ONNX weights, the network run by ONNX Runtime."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from alexnet_tf.weights.onnx_file import read_onnx
from tests.weights import alexnet_files as files
from tests.weights.layer_outputs import (
    BLOBS,
    assert_same_outputs,
    layer_outputs,
)


def save(folder, model):
    file = folder / "bvlcalexnet.onnx"
    onnx.save(model, file)
    return file


@pytest.mark.parametrize("trans_b", [True, False])
def test_every_layer_is_onnx_runtimes(
    trans_b, caffe_weights, crops, imported, tmp_path
):
    names = [name.replace("lrn", "norm") for name in BLOBS]
    model = files.onnx_model(caffe_weights, names, trans_b=trans_b)
    trained = imported(save(tmp_path, model))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    bgr = crops[..., ::-1] - np.array(files.MEAN, np.float32)
    found = session.run([*names, "prob"], {"data_0": bgr.transpose(0, 3, 1, 2)})
    theirs = dict(zip([*BLOBS, "prob"], found, strict=True))
    assert_same_outputs(layer_outputs(trained.network, crops), theirs)


def test_the_model_zoos_input_of_224_has_the_same_weights(
    caffe_weights, tmp_path
):
    small, large = (
        read_onnx(save(tmp_path, files.onnx_model(caffe_weights, crop=crop)))
        for crop in (224, 227)
    )
    assert small.steps == large.steps
    for name, pair in large.layers.items():
        for one, other in zip(pair, small.layers[name], strict=True):
            np.testing.assert_array_equal(one, other)


def with_attribute(model, op, name, value):
    """The model with an attribute of its first node of that kind changed."""
    node = next(node for node in model.graph.node if node.op_type == op)
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])
    return model


@pytest.mark.parametrize(
    ("op", "name", "value", "words"),
    [
        ("LRN", "alpha", 5e-4, ["alpha=0.0001", "alpha=2e-05"]),
        ("LRN", "bias", 2.0, ["k=2", "k=1"]),
        ("LRN", "size", 3, ["n=3"]),
        ("Conv", "strides", [2, 2], ["conv1", "stride=2"]),
        ("Conv", "strides", [4, 2], ["not the same both ways"]),
        ("Conv", "dilations", [2, 2], ["dilated"]),
        ("Conv", "auto_pad", "SAME_UPPER", ["padding open"]),
        ("MaxPool", "pads", [1, 1, 1, 1], ["pads above"]),
        ("MaxPool", "kernel_shape", [2, 2], ["size=2"]),
        ("Gemm", "alpha", 0.5, ["scales"]),
    ],
)
def test_another_network_of_the_same_shapes(
    op, name, value, words, caffe_weights, refused, tmp_path
):
    model = with_attribute(files.onnx_model(caffe_weights), op, name, value)
    line = refused(save(tmp_path, model))
    assert "bvlcalexnet.onnx" in line
    assert all(word in line for word in words)


def test_a_node_that_alexnet_lacks(caffe_weights, refused, tmp_path):
    model = files.onnx_model(caffe_weights)
    model.graph.node[1].op_type = "Elu"
    assert "the Elu node of conv1 is none of AlexNet's" in refused(
        save(tmp_path, model)
    )


def test_a_missing_layer(caffe_weights, refused, tmp_path):
    model = files.onnx_model(caffe_weights)
    [conv4] = [n for n in model.graph.node if n.output[0] == "conv4_sum"]
    model.graph.node.remove(conv4)
    assert "7 nodes with weights" in refused(save(tmp_path, model))


def test_a_missing_constant(caffe_weights, refused, tmp_path):
    model = files.onnx_model(caffe_weights)
    del model.graph.initializer[0]
    assert "has no constant conv1_sum_0" in refused(save(tmp_path, model))


def test_weights_in_a_file_beside_it(caffe_weights, refused, tmp_path):
    model = files.onnx_model(caffe_weights)
    folder = tmp_path / "model"
    folder.mkdir()
    file = folder / "bvlcalexnet.onnx"
    onnx.save(model, file, save_as_external_data=True, size_threshold=0)
    assert "in a file beside it" in refused(file)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_cut_short(share, caffe_weights, refused, tmp_path):
    file = save(tmp_path, files.onnx_model(caffe_weights))
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    assert "bvlcalexnet.onnx cannot be read" in refused(file)


@pytest.mark.slow
def test_our_own_export_has_a_better_way(finished_run, refused, tmp_path):
    from alexnet_tf.run.folder import Run
    from alexnet_tf.run.trained import load_trained
    from export.onnx_format import write_onnx

    file = write_onnx(tmp_path, load_trained(Run(finished_run)))
    assert "--format=safetensors" in refused(file)


def test_without_onnx(caffe_weights, refused, tmp_path, monkeypatch):
    file = save(tmp_path, files.onnx_model(caffe_weights))
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "pip install --group onnx" in refused(file)
