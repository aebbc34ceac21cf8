"""Validation images of a set that has none: a part of each class."""

import hashlib

import numpy as np

from alexnet_tf.data.image_set import Split

ALWAYS_TRAINED = -1  # part of what is in no hold-out


def choose_holdout(split: Split, share: float, seed: int) -> np.ndarray:
    """Chooses the images to hold out, by class.

    Of each class the given share, at least one image and never all of them; a
    class of one image keeps it. Within a class those are chosen whose names
    come first when they are hashed with the seed: where an image is added or
    removed, the others stay where they are, but for one.

    Where the images have groups (`Split.group_of`), a group is held out whole
    or not at all, and the share of each class is met as far as that allows. A
    group with all images of a class is never held out.

    Args:
        split: the training images; their labels are read where they are not
            known yet.
        share: of the images, between 0 and 1.
        seed: integer.

    Returns:
        bool [split.size], in the order of the split.
    """
    ids, labels = split.ids_and_labels()
    names = [split.key(int(number)) for number in ids]
    if split.group_of:
        groups = _groups_of(split, ids, names)
        return _parts_of_groups(groups, labels, [share, 1 - share], seed) == 0
    order = _order(names, seed)
    is_held_out = np.zeros(len(ids), bool)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        count = min(max(1, round(share * len(of_class))), len(of_class) - 1)
        is_held_out[of_class[:count]] = True
    return is_held_out


def fold_parts(split: Split, seed: int, folds: int) -> np.ndarray:
    """Divides images into equal parts, each of which is held out once.

    By class and by groups as `choose_holdout` does.

    Args:
        split, seed: see there.
        folds: number of parts, some of which are empty where there are fewer
            images or groups.

    Returns:
        int64 [split.size], the part of each image, from 0; `ALWAYS_TRAINED`
        for what is in none.
    """
    ids, labels = split.ids_and_labels()
    names = [split.key(int(number)) for number in ids]
    if split.group_of:
        groups = _groups_of(split, ids, names)
        shares = [1 / folds] * folds
        return _parts_of_groups(groups, labels, shares, seed, are_folds=True)
    return _parts(labels, _order(names, seed), folds)


def _groups_of(split: Split, ids: np.ndarray, names: list[str]) -> list[str]:
    """The group of each image; its own where it stands for itself."""
    assert split.group_of
    groups = [split.group_of(int(number)) for number in ids]
    # Names of groups begin otherwise, so that none equals a name of a file.
    return [
        f"g {group}" if group else f"i {name}"
        for group, name in zip(groups, names, strict=True)
    ]


def _order(names: list[str], seed: int) -> np.ndarray:
    """Places of names in the order of their hashes with a seed."""
    ranks = [_rank(name, seed) for name in names]
    return np.argsort(np.array(ranks, np.uint64), kind="stable")


def _rank(name: str, seed: int) -> int:
    text = f"{seed} {name}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def _parts(labels: np.ndarray, order: np.ndarray, folds: int) -> np.ndarray:
    """Deals the images of each class out to parts; int64 [images].

    Each class goes on at the part where the one before stopped: sizes of parts
    differ by one at most, in each class and in all.
    """
    parts = np.full(len(labels), ALWAYS_TRAINED)
    next_part = 0
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        if len(of_class) > 1:
            places = next_part + np.arange(len(of_class))
            parts[of_class] = places % folds
            next_part = int(places[-1]) + 1
    return parts


def _parts_of_groups(
    groups: list[str],
    labels: np.ndarray,
    shares: list[float],
    seed: int,
    are_folds: bool = False,
) -> np.ndarray:
    """Deals whole groups out to parts; int64 [images], the part of each.

    One group after the other goes where most of its images' classes is
    lacking, which lowers the sum over parts and classes of the squared
    differences from the shares most. For folds the largest come first.

    Args:
        groups: of each image, its name.
        labels: int64 [images].
        shares: of the images of each class, a part each.
        seed: decides where nothing else does.
        are_folds: whether every part is held out once; else only the first.
    """
    names, group_of = np.unique(np.array(groups), return_inverse=True)
    classes, class_of = np.unique(labels, return_inverse=True)
    # There is a row for each group, but groups are many and have few classes
    # each.
    pairs, counts = np.unique(
        group_of * len(classes) + class_of, return_counts=True
    )
    first_pairs = np.searchsorted(pairs, np.arange(len(names)) * len(classes))
    contents = [
        (own % len(classes), number)
        for own, number in zip(
            np.split(pairs, first_pairs[1:]),
            np.split(counts, first_pairs[1:]),
            strict=True,
        )
    ]
    totals = np.bincount(class_of)
    sizes = np.array([number.sum() for _, number in contents])
    order = _order(names.tolist(), seed)
    if are_folds:
        order = order[np.argsort(-sizes[order], kind="stable")]
    parts = np.full(len(names), ALWAYS_TRAINED)
    lacking = np.repeat(np.array(shares)[:, None], len(classes), axis=1)
    for group in order:
        own, number = contents[group]
        if (number < totals[own]).all():
            parts[group] = np.argmax(lacking[:, own] @ (number / totals[own]))
            lacking[parts[group], own] -= number / totals[own]
    held = np.zeros((len(shares), len(classes)), np.int64)
    for part, (own, number) in zip(parts, contents, strict=True):
        if part != ALWAYS_TRAINED:
            held[part, own] += number
    by_size = np.argsort(sizes, kind="stable")
    if not are_folds:
        for group in by_size:  # so that no class is without
            own, number = contents[group]
            lacks = (held[0, own] == 0).any() and parts[group] > 0
            if lacks and (held[0, own] + number < totals[own]).all():
                parts[group] = 0
                held[0, own] += number
    for group in by_size:  # so that training has some of each class
        own, number = contents[group]
        part = parts[group]
        if (
            part in range(len(shares) if are_folds else 1)
            and (held[part, own] == totals[own]).any()
        ):
            held[part, own] -= number
            parts[group] = ALWAYS_TRAINED
    return parts[group_of]
