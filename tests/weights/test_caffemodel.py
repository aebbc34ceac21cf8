"""Caffe's weights, the network run by OpenCV's reader of Caffe files."""

import cv2
import numpy as np
import pytest

from tests.weights import alexnet_files as files
from tests.weights.layer_outputs import (
    BLOBS,
    assert_same_outputs,
    layer_outputs,
)


def opencv_outputs(chain, weights, model, crops, mean):
    """{layer: array} of OpenCV's evaluation of a .caffemodel.

    Args:
        mean: BGR, [3] or [227, 227, 3].
    """
    text = files.prototxt(chain, weights).encode()
    net = cv2.dnn.readNetFromCaffe(
        np.frombuffer(text, np.uint8), np.frombuffer(model, np.uint8)
    )
    bgr = crops[..., ::-1].astype(np.float32) - np.asarray(mean, np.float32)
    net.setInput(np.ascontiguousarray(bgr.transpose(0, 3, 1, 2)))
    names = [*BLOBS.values(), "prob"]
    return dict(zip([*BLOBS, "prob"], net.forward(names), strict=True))


@pytest.fixture
def write(tmp_path, caffe_weights):
    """Function that writes a .caffemodel and returns its path."""

    def write_file(weights=caffe_weights, v1=False, **chain):
        file = tmp_path / "random.caffemodel"
        data = files.caffemodel(files.caffe_chain(**chain), weights, v1)
        file.write_bytes(data)
        return file

    return write_file


@pytest.mark.parametrize("v1", [False, True], ids=["layer", "layers"])
def test_every_layer_is_opencvs(v1, write, imported, caffe_weights, crops):
    file = write(v1=v1)
    theirs = opencv_outputs(
        files.caffe_chain(),
        caffe_weights,
        file.read_bytes(),
        crops,
        files.MEAN,
    )
    assert_same_outputs(layer_outputs(imported(file).network, crops), theirs)


def test_a_mean_image(write, imported, caffe_weights, crops, tmp_path):
    random = np.random.default_rng(4)
    mean = random.uniform(90, 140, (3, 256, 256)).astype(np.float32)
    mean_file = tmp_path / "mean.binaryproto"
    mean_file.write_bytes(files.blob(mean, v1=True))
    trained = imported(write(), mean_file=str(mean_file))
    # 14 of the 29 spare rows and columns lie before the centre.
    centre = mean[:, 14:241, 14:241].transpose(1, 2, 0)
    theirs = opencv_outputs(
        files.caffe_chain(),
        caffe_weights,
        (tmp_path / "random.caffemodel").read_bytes(),
        crops,
        centre,
    )
    assert_same_outputs(layer_outputs(trained.network, crops), theirs)


@pytest.mark.slow
def test_every_layer_at_full_width(imported, options, crops, tmp_path):
    weights = files.random_weights(classes=1000)
    chain = files.caffe_chain()
    file = tmp_path / "full.caffemodel"
    file.write_bytes(files.caffemodel(chain, weights, v1=True))
    config = options(file).config
    config.model.width = 1.0
    trained = imported(file, config=config, data_dir=None)
    assert trained.class_names[:2] == ("tench", "goldfish")
    assert len(trained.class_names) == 1000
    theirs = opencv_outputs(
        chain, weights, file.read_bytes(), crops, files.MEAN
    )
    assert_same_outputs(layer_outputs(trained.network, crops), theirs)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        # The order of CaffeNet, whose weights have the same shapes.
        ({"pool_first": True}, ["conv1", "then pool", "then lrn"]),
        ({"k": 2}, ["conv1", "k=2", "k=1"]),
        ({"alpha": 5e-4}, ["alpha=0.0001", "alpha=2e-05"]),
        ({"n": 3}, ["n=3"]),
        ({"beta": 0.5}, ["beta=0.5"]),
        ({"conv1_stride": 2}, ["conv1", "stride=2", "stride=4"]),
    ],
    ids=str,
)
def test_another_network_of_the_same_shapes(chain, words, write, refused):
    line = refused(write(**chain))
    assert "random.caffemodel is not for the network of the config" in line
    assert all(word in line for word in words)


def test_normalization_within_a_map(tmp_path, refused, caffe_weights):
    chain = [
        (name, kind, parameters + " norm_region: WITHIN_CHANNEL")
        if kind == "LRN"
        else (name, kind, parameters)
        for name, kind, parameters in files.caffe_chain()
    ]
    file = tmp_path / "random.caffemodel"
    file.write_bytes(files.caffemodel(chain, caffe_weights))
    assert "norm1 normalizes within a map" in refused(file)


def test_other_shapes(write, refused, caffe_weights):
    kernel, bias = caffe_weights["fc7"]
    weights = {**caffe_weights, "fc7": (kernel[:500], bias[:500])}
    weights["fc8"] = (weights["fc8"][0][:, :500], weights["fc8"][1])
    line = refused(write(weights))
    assert "the kernel of fc7 is 512x500 in the file and 512x512" in line


def test_a_number_that_is_none(write, refused, caffe_weights):
    kernel, bias = caffe_weights["conv3"]
    weights = {**caffe_weights, "conv3": (kernel, bias * np.nan)}
    assert "the bias of conv3 is not finite" in refused(write(weights))


def test_a_missing_layer(tmp_path, refused, caffe_weights):
    chain = [step for step in files.caffe_chain() if step[0] != "conv4"]
    file = tmp_path / "random.caffemodel"
    file.write_bytes(files.caffemodel(chain, caffe_weights))
    assert "7 layers with weights, where AlexNet has 8" in refused(file)


def test_a_layer_with_another_number_of_arrays(
    tmp_path, refused, caffe_weights
):
    kernel, _ = caffe_weights["conv5"]
    weights = {**caffe_weights, "conv5": (kernel, kernel[:, 0, 0, 0], kernel)}
    file = tmp_path / "random.caffemodel"
    file.write_bytes(files.caffemodel(files.caffe_chain(), weights))
    assert "layer conv5 has 3 blobs" in refused(file)


def test_another_kind_of_layer_with_weights(tmp_path, refused, caffe_weights):
    scale = ("scale1", "Scale", "")
    weights = {**caffe_weights, "scale1": (np.ones(12, np.float32),)}
    file = tmp_path / "random.caffemodel"
    file.write_bytes(files.caffemodel([*files.caffe_chain(), scale], weights))
    assert "layer scale1, a Scale, has weights" in refused(file)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.9999])
def test_a_file_cut_short(share, write, refused):
    file = write()
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    assert "random.caffemodel cannot be read" in refused(file)


def test_something_else_by_that_name(tmp_path, refused):
    file = tmp_path / "page.caffemodel"
    file.write_text("<html>404</html>")
    assert "page.caffemodel cannot be read" in refused(file)
    file.write_bytes(b"")
    assert "0 layers with weights" in refused(file)
