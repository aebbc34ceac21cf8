"""Images chosen by a seed, not by how good they look, or by their names."""

from collections.abc import Collection
from typing import Any

import numpy as np

from alexnet_tf.data.image_set import Source, Split, select, subset
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError


def chosen_records(
    source: Source, split: Split, count: int, seed: int
) -> Records:
    """A random part of a split.

    Args:
        source: a `Source`.
        split: one of its splits.
        count: number of images; all where there are fewer.
        seed: integer; the choice is a function of it.

    Returns:
        `Records`, in the order of the ids. Images that cannot be decoded are
        not replaced by others.
    """
    count = min(count, split.size)
    return Records(source, select(split, seed, 0, count), cache_gb=0)


def named_images(
    source: Source, split: Split, keys: Collection[str]
) -> dict[str, np.ndarray]:
    """The records of some examples, as far as they can be decoded.

    Args:
        source: a `Source`.
        split: one of its splits.
        keys: see `Split.key`; those that no example has are passed over.

    Returns:
        {key: uint8 [256, 256, 3], 0..255}.

    Raises:
        UserError: the examples cannot be read.
    """
    ids, _ = split.ids_and_labels()
    is_named = np.array([split.key(int(number)) in keys for number in ids])
    if not is_named.any():
        return {}
    records = Records(source, subset(split, is_named), cache_gb=0)
    return {
        split.key(int(record["id"])): record["image"]
        for record in records.dataset().as_numpy_iterator()
    }


def examples_of(records: Records) -> list[dict[str, Any]]:
    """All records in memory.

    Returns:
        A list of dicts: "id" and "label" are integers, "image" is uint8
        [256, 256, 3], 0..255.

    Raises:
        UserError: not one image can be decoded.
    """
    examples = [
        {
            "id": int(record["id"]),
            "image": record["image"],
            "label": int(record["label"]),
        }
        for record in records.dataset().as_numpy_iterator()
    ]
    if not examples:
        raise UserError("not one of the chosen images can be decoded")
    return examples
