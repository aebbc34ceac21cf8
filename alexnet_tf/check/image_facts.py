"""What is known of each image of a source: contents, size, perceptual hash.

Reading and decoding all images takes minutes, so what was found is kept in a
file of lines, one an image. A line is only ever appended, and flushed, so a
process that is killed loses the images of its last chunk at most.
"""

import concurrent.futures
import dataclasses
import hashlib
import io
import itertools
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split
from alexnet_tf.data.other_formats import other_format
from alexnet_tf.data.preprocess import MAX_ASPECT_RATIO, why_rejected
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.atomic import append, replacing, writable
from alexnet_tf.optional import import_or_explain
from alexnet_tf.terminal.progress import ProgressReport

# What the lines of the file mean; another one is begun where it differs.
HEADER = {"version": 1, "phash": "ImageHash phash, 8x8"}
AT_ONCE = 256
# Grey levels between the darkest and the brightest pixel of each channel up to
# which an image is of one colour: what JPEG makes of a flat one.
MOST_OF_ONE_COLOUR = 8
SAMPLED_SIDE = 64


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """What is known of an image.

    Attributes:
        key: see `Split.key`.
        state: changes when the image's file does: size and time of the last
            change, or the fingerprint of a source without such files.
        sha256: of its file or, where it has none, of its pixels; hexadecimal.
            None where it cannot be used.
        width, height: in pixels, upright; 0 where it cannot be used.
        is_blank: whether it is of one colour, so that no hash means anything.
        phash: its perceptual hash, 16 hexadecimal digits; None where it was
            not asked for or there is none.
        error: why it cannot be used, in a few words, or None.
    """

    key: str
    state: str
    sha256: str | None = None
    _: dataclasses.KW_ONLY
    width: int = 0
    height: int = 0
    is_blank: bool = False
    phash: str | None = None
    error: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether each value is one that a usable image can have."""
        return (
            isinstance(self.key, str)
            and isinstance(self.state, str)
            and _is_hexadecimal(self.sha256, 64)
            and isinstance(self.width, int)
            and isinstance(self.height, int)
            and isinstance(self.is_blank, bool)
            and (self.phash is None or _is_hexadecimal(self.phash, 16))
            and self.error is None
        )


class FactsFile:
    """The facts that are known already; a context manager to add to them.

    Args:
        path: of the file; damaged lines in it count as absent.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None
        self.known: dict[str, ImageFacts] = {}
        with writable(path):
            lines = path.read_bytes().splitlines() if path.exists() else []
        if lines and _parsed(lines[0]) == HEADER:
            for line in lines[1:]:
                try:
                    facts = ImageFacts(**_parsed(line))
                except TypeError:  # as of a process that was killed
                    continue
                if facts.is_whole:
                    self.known[facts.key] = facts
        else:
            self.rewrite(())

    def __enter__(self) -> "FactsFile":
        with writable(self._path):
            self._file = open(self._path, "ab", buffering=0)
            # A line that was cut off is ended first, so that the next one is
            # whole.
            append(self._file, b"\n")
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._file
        self._file.close()

    def add(self, found: Iterable[ImageFacts]) -> None:
        """Appends facts; errors are not kept, they may be mended unseen."""
        assert self._file
        with writable(self._path):
            append(self._file, _lines(found))

    def rewrite(self, facts: Iterable[ImageFacts]) -> None:
        """Leaves these facts alone in the file."""
        with writable(self._path), replacing(self._path) as temporary:
            temporary.write_bytes(
                json.dumps(HEADER).encode() + b"\n" + _lines(facts)
            )


def _lines(facts: Iterable[ImageFacts]) -> bytes:
    # Names are escaped, so that any bytes of them survive.
    rows = (dataclasses.asdict(f) for f in facts if f.error is None)
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _is_hexadecimal(value: object, digits: int) -> bool:
    return (
        isinstance(value, str)
        and len(value) == digits
        and set(value) <= set("0123456789abcdef")
    )


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def perceptual_hash() -> Callable[[np.ndarray], str]:
    """From an image, uint8 [H, W, 3], to its 64-bit pHash as 16 digits.

    Raises:
        UserError: ImageHash is not installed.
    """
    imagehash = import_or_explain(
        "imagehash", "the search for near duplicates", "--group check"
    )
    from PIL import Image  # which ImageHash brings

    return lambda pixels: str(imagehash.phash(Image.fromarray(pixels)))


def image_facts(
    source: Source,
    file: pathlib.Path,
    phash: Callable[[np.ndarray], str] | None,
) -> list[list[tuple[int, ImageFacts]]]:
    """Reads and decodes all images of a source that are not known yet.

    Args:
        source: with both splits.
        file: where the facts are kept.
        phash: see `perceptual_hash`; None: hashes are not asked for.

    Returns:
        For train and for validation [(label, `ImageFacts`), ...] in the order
        of the split.

    Raises:
        UserError: the file cannot be written, or the files that hold the
            examples cannot be read.
    """
    store = FactsFile(file)
    splits = [split for split in (source.train, source.validation) if split]
    total = sum(split.size for split in splits)
    with (
        store,
        ProgressReport("check", total) as progress,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        found = [
            list(_facts_of(source, split, store, phash, pool, progress))
            for split in splits
        ]
    store.rewrite(facts for split in found for _, facts in split)
    return found


def _facts_of(
    source: Source,
    split: Split,
    store: FactsFile,
    phash: Callable[[np.ndarray], str] | None,
    pool: concurrent.futures.Executor,
    progress: ProgressReport,
) -> Iterator[tuple[int, ImageFacts]]:
    """(label, facts) of each example of a split."""

    def look(example: dict[str, Any]) -> ImageFacts:
        number = int(example["id"])
        state = _state(source, split, number)
        facts = store.known.get(split.key(number))
        if (
            facts
            and facts.state == state
            and (facts.phash or facts.is_blank or not phash)
        ):
            return facts
        bare = ImageFacts(split.key(number), state)
        return _looked_at(bare, source, split, example, phash)

    for chunk in chunks(split):
        found = list(pool.map(look, chunk))
        store.add(f for f in found if store.known.get(f.key) is not f)
        progress.advance(len(found))
        labels = (int(example["label"]) for example in chunk)
        yield from zip(labels, found, strict=True)


def chunks(split: Split) -> Iterator[list[dict[str, Any]]]:
    """The examples of a split in their order, some at a time.

    Raises:
        UserError: the files that hold them cannot be read.
    """
    examples = iter(split.examples)
    try:
        while chunk := list(itertools.islice(examples, AT_ONCE)):
            yield chunk
    except tf.errors.OpError as error:
        raise UserError(
            f"the examples cannot be read: {one_line(error.message, 200)}"
        ) from None


def _state(source: Source, split: Split, number: int) -> str:
    if split.bytes_of is None or split.written is None:
        return source.fingerprint
    return f"{split.bytes_of(number)} {float(split.written[number])!r}"


def _looked_at(
    bare: ImageFacts,
    source: Source,
    split: Split,
    example: dict[str, Any],
    phash: Callable[[np.ndarray], str] | None,
) -> ImageFacts:
    """What reading and decoding an image tells."""
    content, image = None, example["image"]
    try:
        if split.content_of:
            content = split.content_of(int(example["id"]))
        pixels = source.decode(image).numpy()
    except OSError as error:
        return dataclasses.replace(bare, error=error.strerror or str(error))
    except tf.errors.OpError as error:
        reason = (
            (content is not None and other_format(content))
            or why_rejected(image, source.decode)
            or one_line(error.message, 200)
        )
        return dataclasses.replace(bare, error=reason)
    height, width = pixels.shape[:2]
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        reason = why_rejected(image, source.decode)
        return dataclasses.replace(bare, error=reason)
    if content is None:
        content = f"{height} {width} ".encode() + pixels.tobytes()
    is_blank = _is_blank(pixels)
    return dataclasses.replace(
        bare,
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        is_blank=is_blank,
        phash=phash(pixels) if phash and not is_blank else None,
    )


def _is_blank(pixels: np.ndarray) -> bool:
    # A sample tells most images apart from blank ones, and takes no time.
    rows, columns = (max(1, side // SAMPLED_SIDE) for side in pixels.shape[:2])
    return all(
        np.ptp(part, axis=(0, 1)).max() <= MOST_OF_ONE_COLOUR
        for part in (pixels[::rows, ::columns], pixels)
    )
