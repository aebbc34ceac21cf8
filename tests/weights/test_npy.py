"""bvlc_alexnet.npy, against the same weights from a .caffemodel."""

import pickle

import numpy as np
import pytest

from tests.weights import alexnet_files as files
from tests.weights import python2_pickle


def save(folder, layers):
    file = folder / "bvlc_alexnet.npy"
    np.save(file, layers)
    return file


def save_as_python_2(folder, layers):
    """What Python 2's np.save wrote: the header, then its pickle."""
    file = folder / "bvlc_alexnet.npy"
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (-(len(header) + 11) % 16) + b"\n"
    length = len(header).to_bytes(2, "little")
    data = python2_pickle.dumps(np.array(layers, dtype=object))
    file.write_bytes(b"\x93NUMPY\x01\x00" + length + header + data)
    return file


def in_named_pairs(layers):
    return {
        name: {"weights": kernel, "biases": bias}
        for name, (kernel, bias) in layers.items()
    }


@pytest.mark.parametrize("write", [save, save_as_python_2])
@pytest.mark.parametrize("form", [dict, in_named_pairs])
@pytest.mark.slow
def test_the_network_is_that_of_the_caffemodel(
    write, form, caffe_weights, crops, imported, tmp_path
):
    caffe = tmp_path / "random.caffemodel"
    caffe.write_bytes(files.caffemodel(files.caffe_chain(), caffe_weights))
    expected = imported(caffe, run=str(tmp_path / "caffe")).network(crops)
    layers = files.npy_dict(caffe_weights)
    shuffled = dict(sorted(layers.items(), reverse=True))
    trained = imported(write(tmp_path, form(shuffled)))
    np.testing.assert_array_equal(trained.network(crops), expected)


def test_a_pickle_must_be_trusted(caffe_weights, refused, tmp_path):
    file = save(tmp_path, files.npy_dict(caffe_weights))
    line = refused(file, trust_pickle=False)
    assert "is a Python pickle" in line
    assert "--trust_pickle" in line


def test_a_program_is_refused_even_if_trusted(refused, tmp_path):
    class Attack:
        def __reduce__(self):
            return eval, ("1 + 1",)

    file = save(tmp_path, {"conv1": Attack()})
    assert "neither an array nor a plain value" in refused(file)


def test_torchvisions_alexnet(caffe_weights, refused, tmp_path):
    """Another network: 64, 192, 384, 256, 256 kernels, no towers."""
    layers = files.npy_dict(caffe_weights)
    layers["conv1"] = [np.zeros((11, 11, 3, 8), np.float32), np.zeros(8)]
    line = refused(save(tmp_path, layers))
    assert "the kernel of conv1 is 11x11x3x8 in the file and 11x11x3x12" in line


def test_a_network_without_towers(caffe_weights, refused, tmp_path):
    layers = files.npy_dict(caffe_weights)
    kernel, bias = layers["conv2"]
    layers["conv2"] = [np.concatenate([kernel] * 2, axis=2), bias]
    line = refused(save(tmp_path, layers))
    assert "the kernel of conv2 is 5x5x12x32 in the file and 5x5x6x32" in line


def test_a_missing_layer(caffe_weights, refused, tmp_path):
    layers = files.npy_dict(caffe_weights)
    del layers["fc7"]
    line = refused(save(tmp_path, layers))
    assert "it has conv1, conv2, conv3, conv4, conv5, fc6, fc8, but" in line
    assert "no fc7" in line


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"conv1": [np.zeros(3)]}, "conv1 is not a pair"),
        ({"conv1": [1, 2]}, "conv1 is not a pair"),
        ({"conv1": 3}, "conv1 is not a pair"),
        ({}, "no layer"),
        (["conv1"], "not a dict of layers"),
    ],
)
def test_another_value(value, words, refused, tmp_path):
    file = save(tmp_path, np.array(value, dtype=object))
    assert words in refused(file)


def test_a_plain_array(refused, tmp_path):
    assert "not a dict of layers" in refused(save(tmp_path, np.zeros(3)))


@pytest.mark.parametrize("share", [0.00001, 0.5, 0.99])
def test_a_file_cut_short(share, caffe_weights, refused, tmp_path):
    file = save(tmp_path, files.npy_dict(caffe_weights))
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    assert "bvlc_alexnet.npy cannot be read" in refused(file)


def test_a_bare_pickle_by_that_name(refused, tmp_path):
    file = tmp_path / "bvlc_alexnet.npy"
    file.write_bytes(pickle.dumps({}))
    assert "bvlc_alexnet.npy cannot be read" in refused(file)
