"""Caffe's mean files."""

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.weights.mean_file import read_mean
from tests.weights import alexnet_files as files


@pytest.fixture
def mean():
    random = np.random.default_rng(0)
    return random.uniform(0, 255, (3, 256, 256)).astype(np.float32)


def assert_rgb(found, bgr):
    assert found.shape == (256, 256, 3)
    for row, column in ((0, 0), (17, 3), (255, 200)):
        blue, green, red = bgr[:, row, column]
        assert list(found[row, column]) == [red, green, blue]


@pytest.mark.parametrize("v1", [False, True])
def test_binaryproto(v1, mean, tmp_path):
    file = tmp_path / "imagenet_mean.binaryproto"
    file.write_bytes(files.blob(mean[None], v1))
    assert_rgb(read_mean(file), mean)


def test_npy(mean, tmp_path):
    file = tmp_path / "ilsvrc_2012_mean.npy"
    np.save(file, mean.astype(np.float64))
    assert_rgb(read_mean(file), mean)


def test_a_mean_of_each_colour(tmp_path):
    file = tmp_path / "mean.npy"
    np.save(file, np.array(files.MEAN))
    found = read_mean(file)
    assert found.shape == (1, 1, 3)
    np.testing.assert_allclose(found.ravel(), files.MEAN[::-1])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 255, 256)), "3x255x256 numbers"),
        (np.zeros((4, 256, 256)), "4x256x256 numbers"),
        (np.zeros((256, 256, 3)), "256x256x3 numbers"),
        (np.zeros(4), "4x1x1 numbers"),
        (np.zeros(()), "numbers, not 3x256x256"),
        (np.full((3, 256, 256), np.nan), "not within 0..255"),
        (np.full(3, 256.0), "not within 0..255"),
        (np.full(3, -0.1), "not within 0..255"),
        (np.array({"mean": 3}), "cannot be read"),
        (np.array(["a", "b", "c"]), "no numbers"),
    ],
    ids=range(10),
)
def test_something_else(array, words, tmp_path):
    file = tmp_path / "mean.npy"
    np.save(file, array)
    with pytest.raises(UserError, match=r"mean\.npy cannot be read") as caught:
        read_mean(file)
    assert words in str(caught.value)


def test_a_damaged_binaryproto(mean, tmp_path):
    file = tmp_path / "mean.binaryproto"
    file.write_bytes(files.blob(mean[None])[:1000])
    with pytest.raises(UserError, match="cannot be read: no BlobProto"):
        read_mean(file)
    # Whole, but with fewer numbers than its shape says.
    shape = files.chunk(7, files.chunk(1, bytes([3, 16, 16])))
    file.write_bytes(files.chunk(5, b"\0" * 400) + shape)
    with pytest.raises(UserError, match="has 100 numbers"):
        read_mean(file)


def test_another_suffix(tmp_path):
    file = tmp_path / "mean.mat"
    file.touch()
    with pytest.raises(UserError, match=r"binaryproto or \.npy, not \.mat"):
        read_mean(file)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"mean\.npy cannot be read"):
        read_mean(tmp_path / "mean.npy")
