"""Files are complete or absent."""

import os
import stat

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import new_folder, replacing, write_text


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


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_when_it_is_complete(tmp_path, there):
    path = tmp_path / "new" / "index"
    if there:
        path.mkdir(parents=True)
    with new_folder(path) as temporary:
        assert temporary.parent == path.parent
        (temporary / "file.txt").write_text("whole")
        assert path.exists() == there
    assert names(path.parent) == ["index"]
    assert names(path) == ["file.txt"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o777 & ~mask


def test_an_unfinished_folder_is_removed(tmp_path):
    def fail():
        with new_folder(tmp_path / "index") as temporary:
            (temporary / "file.txt").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_what_is_in_the_place_of_a_new_folder_is_kept(tmp_path):
    (tmp_path / "index").write_text("a file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file.txt").write_text("kept")
    for name in ("index", "full"):
        with (
            pytest.raises(UserError, match="is there already"),
            new_folder(tmp_path / name),
        ):
            pass
    assert (tmp_path / "index").read_text() == "a file"
    assert (tmp_path / "full" / "file.txt").read_text() == "kept"


@pytest.mark.parametrize("letter", ["x", "é", "\N{GRINNING FACE}"])
def test_names_of_255_bytes(tmp_path, letter):
    repeated = (255 - len(".png")) // len(letter.encode())
    path = tmp_path / f"{letter * repeated}.png"
    write_text(path, "whole")
    folder = tmp_path / f"{letter * repeated}.dir"
    with new_folder(folder):
        pass
    assert set(names(tmp_path)) == {path.name, folder.name}
