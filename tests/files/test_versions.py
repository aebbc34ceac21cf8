"""Which names are versions: TensorFlow Serving takes numbers below 2^63."""

import pytest

from alexnet_tf.files.versions import versions_in


def test_versions_are_numbers_in_ascii_that_fit_64_bits(tmp_path):
    names = ["10", "9", "007", "٣", "1.0", "-1", "2x", "0", " 4", "1_0"]
    largest = 2**63 - 1
    for name in (*names, str(largest), str(largest + 1), "9" * 200):
        (tmp_path / name).mkdir()
    assert list(versions_in(tmp_path).items()) == [
        (0, tmp_path / "0"),
        (7, tmp_path / "007"),
        (9, tmp_path / "9"),
        (10, tmp_path / "10"),
        (largest, tmp_path / str(largest)),
    ]


def test_a_folder_that_is_none_is_an_oserror(tmp_path):
    with pytest.raises(OSError, match="none"):
        versions_in(tmp_path / "none")
