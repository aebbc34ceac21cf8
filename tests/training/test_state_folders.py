"""States on the disk: the last two, and never half of one."""

import json
import subprocess
import sys

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.training.state_folders import StateFolders


def save(folders, epoch, step, content=b"content"):
    folders.write(
        epoch, step, lambda folder: (folder / "file").write_bytes(content)
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_last_two_stay(tmp_path):
    folders = StateFolders(tmp_path / "state")
    assert folders.newest() is None
    for step, expected in enumerate(
        (
            ["000-000000"],
            ["000-000000", "000-000001"],
            ["000-000001", "000-000002"],
            ["000-000002", "000-000003"],
        )
    ):
        save(folders, 0, step)
        assert names(tmp_path / "state") == expected
    # Another process finds the newest, and keeps it and what it adds.
    again = StateFolders(tmp_path / "state")
    assert again.newest().name == "000-000003"
    save(again, 1, 0)
    assert names(tmp_path / "state") == ["000-000003", "001-000000"]


def test_places_are_compared_as_numbers(tmp_path):
    folders = StateFolders(tmp_path)
    save(folders, 999, 7)
    save(folders, 1000, 6)
    assert StateFolders(tmp_path).newest().name == "1000-000006"


def test_a_failed_save_leaves_the_states_alone(tmp_path):
    folders = StateFolders(tmp_path)
    save(folders, 0, 1)

    def fail(folder):
        (folder / "file").touch()
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        folders.write(0, 2, fail)
    assert names(tmp_path) == ["000-000001"]
    save(folders, 0, 2)
    assert names(tmp_path) == ["000-000001", "000-000002"]


def test_a_save_killed_before_any_file_operation_loses_nothing(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "tests.training.crashing_saves", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no state was taken for a damaged one
    assert int(result.stdout) > 40


def flipped(content, bit):
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-2],
        lambda content: b"",
        lambda content: content + b"x",
        lambda content: flipped(content, 5),
        lambda content: None,
    ],
    ids=["truncated", "emptied", "longer", "one bit flipped", "missing"],
)
@pytest.mark.parametrize("file", ["file", "checksums.json"])
def test_damage_is_named_and_the_state_before_used(
    tmp_path, capsys, file, damage
):
    folders = StateFolders(tmp_path)
    for step in (1, 2):
        save(folders, 0, step, b"of step %d" % step)
    path = tmp_path / "000-000002" / file
    content = damage(path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)

    found = StateFolders(tmp_path)
    assert (found.newest() / "file").read_bytes() == b"of step 1"
    [line] = capsys.readouterr().err.splitlines()
    assert "is damaged" in line
    # Where checksums.json itself is damaged, either file may look wrong.
    assert str(tmp_path / "000-000002") in line
    if file == "file":
        assert str(path) in line
    # The way is the same again, and the damaged state gives way.
    save(found, 0, 2, b"of step 2")
    save(found, 0, 3, b"of step 3")
    assert names(tmp_path) == ["000-000002", "000-000003"]
    assert StateFolders(tmp_path).newest().name == "000-000003"
    assert capsys.readouterr().err == ""


def test_a_damaged_state_is_not_one_of_the_two_that_stay(tmp_path, capsys):
    folders = StateFolders(tmp_path)
    for step in (1, 2):
        save(folders, 0, step)
    (tmp_path / "000-000002" / "file").unlink()
    found = StateFolders(tmp_path)
    found.newest()
    save(found, 0, 3)
    assert names(tmp_path) == ["000-000001", "000-000003"]


def test_any_flipped_bit_of_the_checksums_is_harmless(tmp_path, capsys):
    folders = StateFolders(tmp_path)
    for step in (1, 2):
        save(folders, 0, step, b"of step %d" % step)
    path = tmp_path / "000-000002" / "checksums.json"
    sound = path.read_bytes()
    random = np.random.default_rng(0)
    for bit in random.choice(8 * len(sound), 200, replace=False):
        path.write_bytes(flipped(sound, bit))
        file = StateFolders(tmp_path).newest() / "file"
        assert file.read_bytes() in (b"of step 1", b"of step 2")


def test_where_none_is_sound_it_is_said_what_to_do(tmp_path, capsys):
    folders = StateFolders(tmp_path)
    for step in (1, 2):
        save(folders, 0, step)
    for checksums in tmp_path.glob("*/checksums.json"):
        checksums.write_text(json.dumps({"file": "0"}))
    with pytest.raises(UserError, match="put back a copy of one, or remove"):
        StateFolders(tmp_path).newest()
    assert len(capsys.readouterr().err.splitlines()) == 2
