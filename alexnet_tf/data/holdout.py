"""Validation images of a set that has none: a part of each class."""

import hashlib

import numpy as np

from alexnet_tf.data.image_set import Split


def choose_holdout(split: Split, share: float, seed: int) -> np.ndarray:
    """Chooses the images to hold out, by class.

    Of each class the given share, at least one image and never all of them; a
    class of one image keeps it. Within a class those are chosen whose names
    come first when they are hashed with the seed: where an image is added or
    removed, the others stay where they are, but for one.

    Args:
        split: the training images; their labels are read where they are not
            known yet.
        share: of the images, between 0 and 1.
        seed: integer.

    Returns:
        bool [split.size], in the order of the split.
    """
    ids, labels = split.ids_and_labels()
    ranks = [_rank(split.key(int(number)), seed) for number in ids]
    order = np.argsort(np.array(ranks, np.uint64), kind="stable")
    is_held_out = np.zeros(len(ids), bool)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        count = min(max(1, round(share * len(of_class))), len(of_class) - 1)
        is_held_out[of_class[:count]] = True
    return is_held_out


def _rank(name: str, seed: int) -> int:
    text = f"{seed} {name}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
