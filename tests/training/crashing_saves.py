"""Kills saves before every one of their file operations.

    python -m tests.training.crashing_saves FOLDER

A process of its own, without TensorFlow: it forks. Prints how many saves it
killed; fails on the first that loses a state.
"""

import os
import pathlib
import sys

from alexnet_tf.training.state_folders import StateFolders
from tests.training.file_operations import FileOperations


def save(folders, step):
    """Writes the state of a step: two files with its number."""

    def write_files(folder):
        for name in ("weights", "rest"):
            (folder / name).write_text(str(step))

    folders.write(0, step, write_files)


def saved_step(folder):
    """The step of the newest state, 0 where there is none."""
    newest = StateFolders(folder).newest()
    if newest is None:
        return 0
    weights, rest = ((newest / n).read_text() for n in ("weights", "rest"))
    assert weights == rest
    return int(rest)


def killed(folder, step, operation):
    """Whether a save died before its operation of that number."""
    process = os.fork()
    if process == 0:
        folders = StateFolders(folder)
        folders.newest()
        FileOperations(folder, operation)
        save(folders, step)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def kill_saves(root, states):
    """Kills the save after so many states at all places; returns how often."""
    operation = 0
    while True:
        operation += 1
        folder = root / f"{states}-{operation}"
        folders = StateFolders(folder)
        for step in range(1, states + 1):
            save(folders, step)
        died = killed(folder, states + 1, operation)
        found = saved_step(folder)
        assert found in (states, states + 1), (operation, found)
        # What a resumed run does: two more steps, and no litter is left.
        folders = StateFolders(folder)
        folders.newest()
        for step in (found + 1, found + 2):
            save(folders, step)
        left = sorted(path.name for path in folder.iterdir())
        assert left == [f"000-00000{step}" for step in (found + 1, found + 2)]
        if not died:
            return operation - 1


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    print(sum(kill_saves(root, states) for states in (0, 1, 2, 4)))
