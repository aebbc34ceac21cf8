"""SHA-256 of files, so that a damaged one is found before it is used.

A folder that is written once keeps the digests of its files in
`checksums.json`. A file that is replaced while others read it carries its own
digest, a *seal*: bytes after the end of the HDF5 content, where HDF5 does not
look. Weights and digest are then replaced by one rename.
"""

import hashlib
import json
import pathlib

from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.text import read_text

CHECKSUMS = "checksums.json"
SEAL = b"\nsha256 "
DIGEST_LENGTH = 64  # hexadecimal
SEAL_LENGTH = len(SEAL) + DIGEST_LENGTH


def write_checksums(folder: pathlib.Path) -> None:
    """Writes checksums.json: {file name: SHA-256} of the folder's files."""
    digests = {
        file.name: file_sha256(file)
        for file in sorted(pathlib.Path(folder).iterdir())
    }
    text = json.dumps(digests, indent=2) + "\n"
    (folder / CHECKSUMS).write_text(text)


def find_damage(folder: pathlib.Path) -> str | None:
    """One clause that names a damaged file, or None where all are sound."""
    file = folder / CHECKSUMS
    try:
        digests = dict(json.loads(read_text(file)))
        for name, expected in digests.items():
            if pathlib.PurePath(name).name != name:
                return f"{file} is damaged: {name!a} is no file beside it"
            file = folder / name
            if file_sha256(file) != expected:
                return f"{file} is damaged: its SHA-256 has changed"
    except (OSError, ValueError, TypeError) as error:
        reason = one_line(error)
        return f"{file} is damaged: {reason}"
    return None


def seal(file: pathlib.Path) -> None:
    """Appends the SHA-256 of an HDF5 file to it."""
    digest = file_sha256(file)
    with open(file, "ab") as content:
        content.write(SEAL + digest.encode())


def check_seal(file: pathlib.Path) -> None:
    """Checks a sealed file; one without a seal may hold anything.

    Raises:
        OSError: it cannot be read.
        UserError: it has changed since it was sealed.
    """
    size = file.stat().st_size - SEAL_LENGTH
    if size < 0:
        return
    with open(file, "rb") as content:
        content.seek(size)
        found = content.read(SEAL_LENGTH)
    if not found.startswith(SEAL):
        return
    if sha256(file, size).encode() != found.removeprefix(SEAL):
        raise UserError(
            f"{file} is damaged, its SHA-256 has changed since it was written: "
            "put a copy in its place, or train again with another --run"
        )


def file_sha256(file: str | pathlib.Path) -> str:
    """SHA-256 of a whole file, as `sha256sum` gives it."""
    return sha256(file, pathlib.Path(file).stat().st_size)


def sha256(file: str | pathlib.Path, size: int) -> str:
    """SHA-256 of the first `size` bytes of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    left = size
    with open(file, "rb") as content:
        while chunk := content.read(min(left, 1 << 20)):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
