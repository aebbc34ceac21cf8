"""Versions of an exported model: folders that have a number for a name."""

import os
import pathlib

# Of the numbers that TensorFlow Serving takes.
INT64_MAX = 2**63 - 1


def versions_in(base: str | os.PathLike) -> dict[int, pathlib.Path]:
    """{number: path} of what has a version's name in `base`, increasing.

    Only the name is looked at: it may be a file, or a version half written.

    Raises:
        OSError: the folder cannot be listed.
    """
    return dict(
        sorted(
            (int(path.name), path)
            for path in pathlib.Path(base).iterdir()
            if path.name.isascii()
            and path.name.isdecimal()
            and len(path.name) <= len(str(INT64_MAX))
            and int(path.name) <= INT64_MAX
        )
    )
