"""Small copies of the few images that are shown."""

from collections.abc import Set

import numpy as np
import tensorflow as tf

from alexnet_tf.check.image_facts import chunks
from alexnet_tf.data.image_set import Source

SIDE = 192  # pixels of the longer side: twice what a phone shows of a pair


def thumbnails(source: Source, numbers: Set[int]) -> dict[int, np.ndarray]:
    """Decodes some images of a source once more, whole.

    Args:
        source: a `Source`.
        numbers: which, counted over train and validation together.

    Returns:
        {number: uint8 [H, W, 3], neither side over 192}; those that cannot be
        decoded any more are absent.
    """
    splits = [split for split in (source.train, source.validation) if split]
    examples = (e for split in splits for chunk in chunks(split) for e in chunk)
    found = {}
    for number, example in enumerate(examples):
        if number in numbers:
            try:
                pixels = source.decode(example["image"])
            except tf.errors.OpError:
                continue
            found[number] = _small(pixels)
    return found


def _small(pixels: tf.Tensor) -> np.ndarray:
    if max(pixels.shape[:2]) > SIDE:
        pixels = tf.image.resize(
            pixels, [SIDE, SIDE], "area", preserve_aspect_ratio=True
        )
    return tf.cast(tf.round(tf.cast(pixels, tf.float32)), tf.uint8).numpy()
