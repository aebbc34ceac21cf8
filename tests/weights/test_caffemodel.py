"""Caffe's weights, the network run by OpenCV's reader of Caffe files."""

import cv2
import numpy as np
import pytest

from alexnet_tf.modes import import_weights
from alexnet_tf.options import Options
from alexnet_tf.run import Run
from alexnet_tf.trained import load_trained
from tests.weights import alexnet_files as files
from tests.weights.layer_outputs import (
    BLOBS,
    assert_same_outputs,
    layer_outputs,
)


def opencv_outputs(chain, weights, model, crops, mean):
    """{layer: array} of OpenCV's evaluation of a .caffemodel."""
    text = files.prototxt(chain, weights).encode()
    net = cv2.dnn.readNetFromCaffe(
        np.frombuffer(text, np.uint8), np.frombuffer(model, np.uint8)
    )
    bgr = crops[..., ::-1].astype(np.float32) - np.asarray(mean, np.float32)
    net.setInput(np.ascontiguousarray(bgr.transpose(0, 3, 1, 2)))
    names = [*BLOBS.values(), "prob"]
    return dict(zip([*BLOBS, "prob"], net.forward(names), strict=True))


@pytest.mark.parametrize("v1", [False, True], ids=["layer", "layers"])
def test_every_layer_is_opencvs(
    v1, caffe_config, caffe_weights, crops, tmp_path
):
    chain = files.caffe_chain()
    model = files.caffemodel(chain, caffe_weights, v1)
    file = tmp_path / "random.caffemodel"
    file.write_bytes(model)
    mean = tmp_path / "mean.npy"
    np.save(mean, np.array(files.MEAN))
    options = Options(
        config=caffe_config,
        config_given=True,
        run=str(tmp_path / "run"),
        weights=str(file),
        mean_file=str(mean),
    )
    trained = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_weights, "class_names", lambda *_: ["x"] * 20)
        assert import_weights.main(options) == 0
    trained = load_trained(Run(tmp_path / "run"))
    theirs = opencv_outputs(chain, caffe_weights, model, crops, files.MEAN)
    ours = layer_outputs(trained.network, crops)
    for n in theirs: print(n, np.abs(ours[n]-theirs[n]).max()/np.abs(theirs[n]).max(), np.abs(theirs[n]).max(), np.ptp(theirs[n],axis=0).max()/np.abs(theirs[n]).max())
    assert_same_outputs(ours, theirs)
