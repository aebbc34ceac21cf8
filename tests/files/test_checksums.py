"""Damaged files are found."""

import hashlib
import json

import h5py
import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.files.checksums import (
    check_seal,
    find_damage,
    seal,
    write_checksums,
)


@pytest.fixture
def weights_file(tmp_path):
    """An HDF5 file of about 3 MB, more than is read at a time."""
    file = tmp_path / "some.weights.h5"
    random = np.random.default_rng(0)
    with h5py.File(file, "w") as content:
        content["array"] = random.normal(size=400_000)
    return file


def test_checksums_are_sha256(tmp_path, weights_file):
    (tmp_path / "empty").touch()
    write_checksums(tmp_path)
    assert json.loads((tmp_path / "checksums.json").read_text()) == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (tmp_path / "empty", weights_file)
    }
    assert find_damage(tmp_path) is None


def test_a_folder_without_checksums_is_damaged(tmp_path):
    assert f"{tmp_path / 'checksums.json'} is damaged" in find_damage(tmp_path)


def test_a_sealed_file_is_still_one_of_hdf5(weights_file):
    with h5py.File(weights_file) as content:
        before = content["array"][()]
    seal(weights_file)
    check_seal(weights_file)
    with h5py.File(weights_file) as content:
        np.testing.assert_array_equal(content["array"][()], before)


def test_every_changed_bit_of_the_content_is_noticed(weights_file):
    seal(weights_file)
    sound = weights_file.read_bytes()
    random = np.random.default_rng(0)
    # The last bytes are those of the digest.
    for place in [0, len(sound) - 1, *random.integers(len(sound) - 80, size=9)]:
        damaged = bytearray(sound)
        damaged[place] ^= 1 << random.integers(8)
        weights_file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"some.weights.h5 is damaged"):
            check_seal(weights_file)
    weights_file.write_bytes(sound)
    check_seal(weights_file)


def test_a_file_without_a_seal_is_not_checked(tmp_path, weights_file):
    check_seal(weights_file)
    (tmp_path / "short").write_bytes(b"x")
    check_seal(tmp_path / "short")
