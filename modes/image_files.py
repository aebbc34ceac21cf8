"""Image files that a person names: good ones, and the rest reported."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from alexnet_tf.data.named_images import content_of
from alexnet_tf.data.other_formats import ADDRESS, is_address, other_format
from alexnet_tf.data.preprocess import (
    MAX_FILE_BYTES,
    decode,
    refusal,
    to_record,
)
from alexnet_tf.errors import BAD_INPUT
from alexnet_tf.terminal.progress import ProgressReport

MANY = 10  # files whose progress is worth a line

T = TypeVar("T")


class UnusableImage(Exception):
    """An image file that cannot be used; its message says why."""


def with_progress(items: Iterable[T], count: int, work: str) -> Iterator[T]:
    """Yields the items; shows how far the work on them is if they are many.

    Args:
        items: one for each file.
        count: how many they are.
        work: its name.
    """
    if count < MANY:
        yield from items
        return
    with ProgressReport(work, count) as progress:
        for item in items:
            yield item
            progress.advance(1)


def read_record(file: str) -> np.ndarray:
    """The record of an image file, uint8 [256, 256, 3], 0..255.

    Raises:
        UnusableImage: it is missing or no image that can be used.
    """
    try:
        content = content_of(file, MAX_FILE_BYTES)
    except OSError as error:
        if is_address(file):
            raise UnusableImage(ADDRESS) from None
        raise UnusableImage(error.strerror) from None
    try:
        return _record_of(content).numpy()
    except tf.errors.InvalidArgumentError as error:
        reason = other_format(content) or refusal(error)
        raise UnusableImage(reason) from None


# As one graph it takes half the time of its operations one by one.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _record_of(content: tf.Tensor) -> tf.Tensor:
    return to_record(decode(content))


def report_failed(results: Iterable[Mapping[str, Any]]) -> int:
    """Prints the files that could not be used; returns the exit code.

    Args:
        results: dicts with "file", and "error" where it could not be used.
    """
    failed = [result for result in results if "error" in result]
    for result in failed:
        print(f"main.py: {result['file']}: {result['error']}", file=sys.stderr)
    return BAD_INPUT if failed else 0
