"""Versions appear whole, increase and are pruned."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.files.versions import versions_in
from export.writer import UNFINISHED, write_version


def write_file(path):
    path.mkdir()
    (path / "saved_model.pb").touch()


def test_versions_increase_by_number_not_by_name(tmp_path):
    for name in ("2", "10", "011x", "v12", "-3"):
        (tmp_path / name).mkdir()
    assert write_version(tmp_path, write_file) == tmp_path / "11"
    assert sorted(versions_in(tmp_path)) == [2, 10, 11]


@pytest.mark.parametrize(
    ("keep", "left"), [(0, [1, 2, 3, 4]), (1, [4]), (3, [2, 3, 4])]
)
def test_the_newest_versions_are_kept(tmp_path, keep, left):
    (tmp_path / "notes").mkdir()
    for _ in range(3):
        write_version(tmp_path, write_file)
    write_version(tmp_path, write_file, keep)
    assert sorted(versions_in(tmp_path)) == left
    assert {p.name for p in tmp_path.iterdir()} == {
        "notes",
        *map(str, left),
    }


def test_a_failed_export_leaves_nothing_and_removes_nothing(tmp_path):
    write_version(tmp_path, write_file)

    def interrupted(path):
        write_file(path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_version(tmp_path, interrupted, keep=1)
    assert [p.name for p in tmp_path.iterdir()] == ["1"]


def test_what_a_killed_export_left_is_no_version_and_removed_by_the_next(
    tmp_path,
):
    killed = """
import os, signal, sys
from export.writer import write_version
def write(path):
    path.mkdir()
    (path / "saved_model.pb").touch()
    os.kill(os.getpid(), signal.SIGKILL)
write_version(sys.argv[1], write)
"""
    done = subprocess.run(
        [sys.executable, "-c", killed, str(tmp_path)],
        cwd=pathlib.Path(__file__).parents[2],
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left.name.startswith(UNFINISHED)
    assert sorted(versions_in(tmp_path)) == []
    assert write_version(tmp_path, write_file) == tmp_path / "1"
    assert [p.name for p in tmp_path.iterdir()] == ["1"]


def test_exports_at_the_same_time_do_not_disturb_each_other(tmp_path):
    together = threading.Barrier(8)

    def write(path):
        write_file(path)
        together.wait(30)

    threads = [
        threading.Thread(target=write_version, args=(tmp_path, write))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions_in(tmp_path)) == [1, 2, 3, 4, 5, 6, 7, 8]
    for number in versions_in(tmp_path):
        assert os.listdir(tmp_path / str(number)) == ["saved_model.pb"]


def test_an_unwritable_folder_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_version(tmp_path / "file" / "model", write_file)
