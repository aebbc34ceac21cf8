"""Files are complete or absent."""

import os
import stat

import pytest

from alexnet_tf.files import replacing, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "history.csv"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path  # a rename within one disk
        assert temporary.suffix == ".csv"
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert names(tmp_path) == ["history.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, "old"])
def test_an_exception_leaves_what_was_there(tmp_path, error, old):
    path = tmp_path / "file.txt"
    if old:
        path.write_text(old)

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == (["file.txt"] if old else [])
    if old:
        assert path.read_text() == old


def test_readers_of_the_old_file_keep_it(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with open(path) as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_writer_may_remove_the_temporary_file_on_failure(tmp_path):
    def fail():
        with replacing(tmp_path / "file.txt") as temporary:
            temporary.unlink()
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)]
)
def test_permissions_follow_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file.txt", "text")
        assert os.umask(mask) == mask  # still what it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == mode


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "file.txt", "text")
    assert names(tmp_path) == []
