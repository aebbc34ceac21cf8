"""Which files are images by their names: one list for all that reads them."""

import os
import re

from alexnet_tf.errors import UserError

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"),
    *(".png", ".gif", ".bmp", ".dib", ".webp"),
)
# Images, but of formats that are not read.
OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".tif", ".tiff", ".jxl", ".jp2")
# What browsers and downloaders put behind a suffix: .jpg_, .jpg_large,
# .jpg_640x480, ".jpg (1)", .jpg?width=640. Not .jpg~ and .jpg_original, which
# are an editor's and exiftool's copies of an image that is there itself.
_ADDED = (
    r"(?:[ _:-](?:small|medium|large|thumb|orig|\(?\d+(?:x\d+)?\)?)?|\?.*)?"
)
_IMAGE = re.compile(
    rf".+(?:{'|'.join(map(re.escape, SUFFIXES))}){_ADDED}",
    re.IGNORECASE | re.DOTALL,
)
# What systems leave in folders that people look at.
_OF_SYSTEMS = re.compile(
    r"\._.*|\.DS_Store|(?:eh)?thumbs\.db|desktop\.ini|@eaDir|__MACOSX",
    re.IGNORECASE | re.DOTALL,
)


def is_image_name(name: str) -> bool:
    """Whether a file that is not hidden is an image by its name.

    Args:
        name: of the file, without its folder.
    """
    return not is_hidden(name) and _IMAGE.fullmatch(name) is not None


def is_other_image_name(name: str) -> bool:
    """Whether a file is an image of a format that is not read, by its name."""
    return not is_hidden(name) and name.lower().endswith(OTHER_SUFFIXES)


def files_below(folder: str | os.PathLike[str]) -> list[str]:
    """Paths of the files in a folder and in its folders, nothing hidden.

    Links are followed, to each folder once.

    Returns:
        The paths, sorted as those of folders are, each part for itself.

    Raises:
        UserError: one of the folders cannot be read.
    """
    files, seen = [], set()
    for place, folders, names in os.walk(
        folder, onerror=_refuse, followlinks=True
    ):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        files += [os.path.join(place, n) for n in names if not is_hidden(n)]
    return sorted(files, key=lambda file: file.split(os.sep))


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be read: {error.strerror}")


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or `is_of_system`."""
    return name.startswith(".") or is_of_system(name)


def is_of_system(name: str) -> bool:
    """Whether it is what a system leaves: .DS_Store, ._photo.jpg, Thumbs.db,
    desktop.ini and folders of thumbnails."""
    return _OF_SYSTEMS.fullmatch(name) is not None
