"""What a run remembers of its images: which it held out, and what is in some.

images.json of a run: when it was begun, the images that were held out where
there is no validation split, and a sample of all images, each with its name,
the size of its file and the SHA-256 of what is in it. Names are relative to
the folder of the data, which may be moved.
"""

import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Iterable

import numpy as np

from alexnet_tf.data.image_set import Source, Split, subset
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.files.text import counted

SAMPLED = 256
VERSION = 1


@dataclasses.dataclass(frozen=True)
class ImageMark:
    """What an image can be known by.

    Attributes:
        name: see `Split.key`.
        bytes: size of its file; None where it has none of its own.
        sha256: of the file, hexadecimal; None where nobody can tell.
    """

    name: str
    bytes: int | None
    sha256: str | None


@dataclasses.dataclass(frozen=True)
class Remembered:
    """What a run remembers of its images.

    Attributes:
        held_out: marks of the images that were; None where nobody kept them:
            the run was begun when they followed from the seed alone.
        sampled: marks of some of all its images.
        time: when it was begun, in seconds since 1970.
    """

    held_out: tuple[ImageMark, ...] | None
    sampled: tuple[ImageMark, ...] = ()
    time: float = float("inf")


def read_remembered(file: pathlib.Path) -> Remembered:
    """What `write_remembered` wrote; without a file what earlier runs knew.

    Raises:
        UserError: the file is damaged.
    """
    if not file.is_file():
        return Remembered(held_out=None)
    with readable(file):
        try:
            values = json.loads(file.read_text("utf-8"))
            if values["version"] != VERSION:
                raise ValueError(f"its version is {values['version']!r}")
            return Remembered(
                tuple(map(_mark_from, values["held_out"])),
                tuple(map(_mark_from, values["sampled"])),
                float(values["time"]),
            )
        except (TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"it lists no images: {error}") from None


def _mark_from(values: list) -> ImageMark:
    name, size, sha256 = values
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no name of an image")
    return ImageMark(name, size, sha256)


def write_remembered(file: pathlib.Path, source: Source) -> None:
    """Writes images.json of a run that begins.

    Args:
        file: its path.
        source: with both splits.
    """
    held_out = []
    if source.validation and source.validation.numbers is not None:
        ids, _ = source.validation.ids_and_labels()
        held_out = [_mark(source.validation, number) for number in ids]
    sampled = [m for split in _splits(source) for m in _sample(split)]
    values = {
        "version": VERSION,
        "time": time.time(),
        "held_out": [dataclasses.astuple(mark) for mark in held_out],
        "sampled": [dataclasses.astuple(mark) for mark in sampled],
    }
    with writable(file):
        # Names are escaped, so that any bytes of them survive.
        write_text(file, json.dumps(values, indent=0) + "\n")


def _mark(split: Split, number: int) -> ImageMark:
    number = int(number)
    size = split.bytes_of(number) if split.bytes_of else None
    return ImageMark(split.key(number), size, _digest(split, number))


def _digest(split: Split, number: int) -> str | None:
    if split.content_of is None:
        return None
    try:
        return hashlib.sha256(split.content_of(number)).hexdigest()
    except OSError:
        return None  # it cannot be decoded either


def _sample(split: Split) -> list[ImageMark]:
    """Marks of images evenly spread over a split."""
    ids, _ = split.ids_and_labels()
    rows = np.linspace(0, len(ids) - 1, min(SAMPLED, len(ids)), dtype=int)
    return [_mark(split, number) for number in ids[rows]]


def find_held_out(
    split: Split, remembered: Remembered, damaged: Iterable[int]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Finds the images again that a run held out.

    Args:
        split: all training images, as they are now.
        remembered: of the run.
        damaged: numbers of images that the run knows to be damaged or gone:
            their contents do not matter.

    Returns:
        (bool [split.size], which are they, by name and content; bool
        [split.size], which have the name of one and other contents; names of
        those that are gone). An image that has another name now is found
        where its size and contents are the same.
    """
    ids, _ = split.ids_and_labels()
    damaged = set(damaged)
    row_of = {split.key(int(number)): row for row, number in enumerate(ids)}
    is_same, is_changed = np.zeros((2, len(ids)), bool)
    gone = []
    for mark in remembered.held_out or ():
        row = row_of.get(mark.name)
        if row is None:
            gone.append(mark)
        elif int(ids[row]) in damaged or _is_as_marked(split, ids[row], mark):
            is_same[row] = True
        else:
            is_changed[row] = True
    # Images with other names are looked for by their size first.
    wanted: dict[tuple[int | None, str | None], list[ImageMark]] = {}
    for mark in gone:
        if mark.sha256:
            wanted.setdefault((mark.bytes, mark.sha256), []).append(mark)
    sizes = {size for size, _ in wanted}
    if wanted and split.bytes_of and split.content_of:
        for row, number in enumerate(ids):
            size = split.bytes_of(int(number))
            if size in sizes and not is_same[row]:
                key = (size, _digest(split, int(number)))
                if wanted.get(key):
                    is_same[row], is_changed[row] = True, False
                    gone.remove(wanted[key].pop(0))
    return is_same, is_changed, [mark.name for mark in gone]


def _is_as_marked(split: Split, number: int, mark: ImageMark) -> bool:
    number = int(number)
    if split.bytes_of and split.bytes_of(number) != mark.bytes:
        return False
    return mark.sha256 is None or _digest(split, number) in (mark.sha256, None)


def has_held_out(split: Split, remembered: Remembered | None) -> bool:
    """Whether images that a run held out are in a split, by their names."""
    if not (remembered and remembered.held_out):
        return False
    ids, _ = split.ids_and_labels()
    keys = {split.key(int(number)) for number in ids}
    return any(mark.name in keys for mark in remembered.held_out)


def count_trained_on(
    split: Split, remembered: Remembered, trained: int
) -> tuple[int, bool]:
    """How many images of a split a run was trained on, by their contents.

    Args:
        split: images that are to be evaluated.
        remembered: of the run.
        trained: number of images that it was trained on.

    Returns:
        (number of those that are found, whether these are all: the run
        remembers no more than `SAMPLED` of its training images).
    """
    # Those of the training split stand first.
    marks = remembered.sampled[: min(SAMPLED, trained)]
    wanted = {(mark.bytes, mark.sha256) for mark in marks if mark.sha256}
    sizes = {size for size, _ in wanted}
    if not wanted or not split.bytes_of or not split.content_of:
        return 0, False
    found = 0
    for number in split.ids_and_labels()[0].tolist():
        size = split.bytes_of(number)
        if size in sizes and (size, _digest(split, number)) in wanted:
            found += 1
    return found, trained <= SAMPLED


def with_remembered_holdout(
    source: Source, remembered: Remembered, damaged: Iterable[int]
) -> Source | None:
    """`source` with the images held out that a run held out.

    Says which of them are gone or have changed. Those that have changed are
    in neither split: nobody knows whether they were trained on.

    Returns:
        The source, or None where not one of the images is there.
    """
    split = source.train
    is_same, is_changed, gone = find_held_out(split, remembered, damaged)
    if not is_same.any():
        return None
    if gone or is_changed.any():
        ids, _ = split.ids_and_labels()
        changed = [split.key(int(number)) for number in ids[is_changed]]
        total = len(remembered.held_out or ())
        print(
            f"of the {total} images that the run held out {len(gone)} are "
            f"gone and {len(changed)} have other contents, such as "
            f"{(gone + changed)[0]!a}; the other {is_same.sum()} are used"
        )
    return dataclasses.replace(
        source,
        train=subset(split, ~is_same & ~is_changed),
        validation=subset(split, is_same),
        statistics=None,
    )


def changed_contents(
    source: Source, remembered: Remembered, damaged: Iterable[str]
) -> list[str]:
    """Names of remembered images that have other contents now.

    Args:
        source: its images are compared, as far as they are remembered.
        remembered: of the run.
        damaged: names (`Split.name_of`) of images that are known to be
            damaged.
    """
    return _compared(source, remembered, damaged)[0]


def check_contents(
    source: Source,
    remembered: Remembered,
    run: pathlib.Path,
    damaged: Iterable[str],
) -> None:
    """Refuses to go on where remembered images have other contents now.

    Says how many files were written since the run began, by their dates.

    Args:
        source, remembered, damaged: see `changed_contents`.
        run: path of the run.

    Raises:
        UserError: an image has other contents.
    """
    changed, compared = _compared(source, remembered, damaged)
    if changed:
        raise UserError(
            f"{len(changed)} of {compared} images that were compared have "
            f"other contents than when {run} was begun, such as "
            f"{changed[0]!a}: put the old ones back, or start a new run with "
            "another --run"
        )
    written = [
        split.key(number)
        for split in _splits(source)
        if split.written is not None
        for number in split.ids_and_labels()[0].tolist()
        if split.written[number] > remembered.time
    ]
    if written:
        print(
            f"{counted(len(written), 'image was', 'images were')} "
            "written since the run began, such "
            f"as {written[0]!a}: copied or changed; the contents of "
            f"{counted(compared, 'image is', 'images are')} "
            "compared and the same"
        )


def _splits(source: Source) -> list[Split]:
    """Those whose contents this program has to look after."""
    splits = (source.train, source.validation)
    return [split for split in splits if split and split.content_of]


def _compared(
    source: Source, remembered: Remembered, damaged: Iterable[str]
) -> tuple[list[str], int]:
    """(names of changed images, number of those that were compared)."""
    marks = {mark.name: mark for mark in remembered.sampled}
    marks |= {mark.name: mark for mark in remembered.held_out or ()}
    damaged, changed, compared = set(damaged), [], 0
    for split in _splits(source) if marks else ():
        for number in split.ids_and_labels()[0].tolist():
            mark = marks.get(split.key(number))
            if mark is None or split.name_of(number) in damaged:
                continue
            compared += 1
            if not _is_as_marked(split, number, mark):
                changed.append(mark.name)
    return changed, compared
