"""Images, read a request at a time."""

import dataclasses
import os
from collections.abc import Iterable, Iterator

from alexnet_tf.data.named_images import content_of
from alexnet_tf.data.other_formats import ADDRESS, is_address

# This bounds a request, so an image too: in base64, with what JSON adds, it is
# within the 64 MiB that export.server takes.
MOST_BYTES = 47 * 2**20


@dataclasses.dataclass(frozen=True)
class Image:
    """An image file to be sent.

    Attributes:
        file: its name, or None where only its bytes were given.
        content: the bytes, or None where they cannot be sent.
        error: why they cannot, or None.
    """

    file: str | None
    content: bytes | None = None
    error: str | None = None


def batches(
    images: Iterable[str | os.PathLike | bytes], size: int
) -> Iterator[list[Image]]:
    """Yields lists of `Image`, in order, each to be sent as one request.

    Args:
        images: paths or bytes.
        size: most images of a list that can be sent.
    """
    batch, count, total = [], 0, 0
    for image in map(_read, images):
        if image.content is not None:
            length = len(image.content)
            if count == size or total + length > MOST_BYTES:
                yield batch
                batch, count, total = [], 0, 0
            count, total = count + 1, total + length
        batch.append(image)
    if batch:
        yield batch


def _read(image: str | os.PathLike | bytes) -> Image:
    if isinstance(image, bytes | bytearray | memoryview):
        content = bytes(image)
        if len(content) > MOST_BYTES:
            return Image(None, error=f"larger than {MOST_BYTES >> 20} MiB")
        return Image(None, content)
    file = os.fsdecode(image)
    try:
        return Image(file, content_of(file, MOST_BYTES))
    except OSError as error:
        reason = ADDRESS if is_address(file) else error.strerror
        return Image(file, error=reason)
