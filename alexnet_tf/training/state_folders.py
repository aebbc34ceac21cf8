"""The states of a run on the disk: state/<epoch>-<step>/.

A state gets its name when all of it is on the disk, checksums included, and
the two before it stay until then; afterwards the last two do.
"""

import pathlib
import re
import shutil
import sys
from collections.abc import Callable

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import flush_to_disk
from alexnet_tf.files.checksums import find_damage, write_checksums

UNFINISHED = "unfinished"
NAME = re.compile(r"(\d+)-(\d+)")


class StateFolders:
    """Writes and finds states.

    Args:
        folder: of all of them, which need not exist.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._last = None  # name of the state found or written last

    def write(
        self, epoch: int, step: int, write_files: Callable[[pathlib.Path], None]
    ) -> None:
        """Adds a state, unless the last one is of the same place.

        Args:
            epoch, step: where training is; give the state its name.
            write_files: function of a folder that writes the state there.

        Raises:
            OSError: a file cannot be written; the states so far are intact.
        """
        name = f"{epoch:03d}-{step:06d}"
        if name == self._last:
            return
        unfinished = self._folder / UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            write_files(unfinished)
            write_checksums(unfinished)
            for path in (*unfinished.iterdir(), unfinished):
                flush_to_disk(path)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        # A state of that name is one that was found damaged.
        shutil.rmtree(self._folder / name, ignore_errors=True)
        unfinished.rename(self._folder / name)
        flush_to_disk(self._folder)
        if self._last is not None:
            self._remove_all_but(name, self._last)
        self._last = name

    def names(self) -> list[str]:
        """Names of all states, sound or not."""
        return [
            path.name
            for path in self._folder.glob("*")
            if NAME.fullmatch(path.name)
        ]

    def newest(self) -> pathlib.Path | None:
        """Folder of the newest sound state, or None where there is no state.

        Says which newer ones are damaged.

        Raises:
            UserError: all are damaged.
        """
        names = sorted(self.names(), key=_place, reverse=True)
        for name in names:
            damage = find_damage(self._folder / name)
            if damage is None:
                self._last = name
                return self._folder / name
            print(f"{damage}; going back one state", file=sys.stderr)
        if names:
            raise UserError(
                f"no state in {self._folder} is sound: put back a copy of one, "
                "or remove that folder to train from the beginning"
            )
        return None

    def _remove_all_but(self, *names: str) -> None:
        for path in self._folder.iterdir():
            if path.name in names:
                continue
            if path.is_dir():
                # Half a state must not look like a damaged one.
                removed = path.rename(self._folder / UNFINISHED)
                shutil.rmtree(removed)
            else:
                path.unlink()


def _place(name: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", name))
