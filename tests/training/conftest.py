"""A disk that a test may fill."""

import os
import pathlib
import subprocess

import pytest


class SmallDisk:
    """A mounted tmpfs.

    Attributes:
        path: where.
    """

    def __init__(self, path):
        self.path = path

    @property
    def _ballast(self):
        return self.path / "ballast"

    def fill(self, leaving=0):
        """Leaves only so many bytes free."""
        disk = os.statvfs(self.path)
        free = disk.f_bavail * disk.f_frsize
        with open(self._ballast, "wb") as file:
            file.write(bytes(max(free - leaving, 0)))

    def clear(self):
        """Removes what `fill` wrote."""
        self._ballast.unlink(missing_ok=True)

    def set_writable(self, writable):
        """Mounts it again, to be written or only read."""
        mode = "rw" if writable else "ro"
        _run("mount", "-o", f"remount,{mode}", self.path)


@pytest.fixture
def small_disk(tmp_path):
    """A `SmallDisk` of 64 MiB."""
    path = pathlib.Path(tmp_path / "disk")
    path.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", path)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {error}")
    yield SmallDisk(path)
    _run("umount", "--lazy", path)


def _run(*command):
    subprocess.run(command, check=True, capture_output=True)
