"""Finds the source that a config names."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from ml_collections import ConfigDict

from alexnet_tf.data.holdout import ALWAYS_TRAINED, choose_holdout, fold_parts
from alexnet_tf.data.image_set import Damaged, Source, select, subset
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.remembered import (
    Remembered,
    has_held_out,
    with_remembered_holdout,
)
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.data.sources.folder import load_folder, shortened
from alexnet_tf.data.sources.image_list import load_list
from alexnet_tf.data.sources.imagenet_tars import load_imagenet_tars
from alexnet_tf.data.sources.tfds import OWN_NAMES, load_tfds
from alexnet_tf.errors import UserError
from alexnet_tf.files.text import counted


def load_source(
    data: ConfigDict,
    seed: int,
    data_dir: str | None = None,
    download: bool = False,
    damaged: Iterable[Damaged] | None = None,
    remembered: Remembered | None = None,
    known: tuple[str, ...] | None = None,
    every_class: bool = False,
) -> Source:
    """Opens the source that a config names, held-out part and limit applied.

    Args:
        data: the `data` section of a config.
        seed: integer; decides which images `holdout` and `limit` take.
        data_dir: folder of the data, for sources that need one.
        download: whether TFDS may download.
        damaged: `Damaged` images that a run leaves out, which need not be
            there; None: all images must be.
        remembered: what a run remembers of its images; None: there is none.
        known: class names of a network that is to be evaluated: training
            images, and images of all classes, need not be there.
        every_class: whether a class of the validation split alone is one more
            where it would be refused: for a look at what is there.

    Returns:
        A `Source` with both splits.

    Raises:
        UserError: the source does not exist or cannot be used.
    """
    damaged = damaged and list(damaged)
    source = open_whole_source(
        data.name, data_dir, download, damaged, known, every_class
    )
    if (
        known
        and source.validation
        and not source.train.size
        and has_held_out(source.validation, remembered)
    ):
        # Nothing says which of them are for training, and most are.
        source = dataclasses.replace(
            source, train=source.validation, validation=None
        )
    if source.validation is None:
        numbers = [image.number for image in damaged or ()]
        source = _with_holdout(source, data, seed, remembered, numbers)
    elif data.holdout_folds and remembered is None:
        raise UserError(
            f"config.data.holdout_folds is {data.holdout_folds}, and "
            f"{source.name} has a validation split, from which nothing is held "
            "out: give it training images only, or leave holdout_folds out"
        )
    if 0 < data.limit < source.train.size:
        limited = select(source.train, seed, 0, data.limit)
        source = dataclasses.replace(source, train=limited, statistics=None)
    return source


def open_whole_source(
    name: str,
    data_dir: str | None = None,
    download: bool = False,
    damaged: Iterable[Damaged] | None = None,
    known: tuple[str, ...] | None = None,
    every_class: bool = False,
) -> Source:
    """Opens a source as it is, perhaps without a validation split.

    Args:
        name: embedded, folder, csv, imagenet_tars, prepared, or a TFDS name.
        data_dir, download, damaged, known, every_class: see `load_source`.

    Raises:
        UserError: the source does not exist or cannot be used.
    """
    if download and name in OWN_NAMES:
        raise UserError(
            f"--download is for data sets of TFDS, and data.name is {name}: "
            "leave it out, or name a TFDS set with --config.data.name"
        )
    if name == "embedded":
        if data_dir:
            raise UserError(
                "the embedded images need no --data_dir: for your own add "
                "--config.data.name=folder, or the name of a TFDS set"
            )
        return load_embedded()
    if name == "folder":
        return load_folder(data_dir, damaged or (), known, every_class)
    if name == "csv":
        return load_list(data_dir, damaged or (), known)
    if name == "imagenet_tars":
        return load_imagenet_tars(data_dir)
    if name == "prepared":
        return load_prepared(data_dir, whole=damaged is None)
    return load_tfds(name, data_dir, download)


def _with_holdout(
    source: Source,
    data: ConfigDict,
    seed: int,
    remembered: Remembered | None,
    damaged: list[int],
) -> Source:
    """`source` with a part of its training split held out.

    It is the part that a run remembers, where there is a run; else a seeded
    part of each class.
    """
    size, classes = source.train.size, len(source.class_names)
    if remembered and remembered.held_out is None:
        count = round(data.holdout * size)
        if 1 <= count < size:
            return dataclasses.replace(
                source,
                train=select(source.train, seed, count, size),
                validation=select(source.train, seed, 0, count),
                statistics=None,
            )
    elif remembered and remembered.held_out:
        found = with_remembered_holdout(source, remembered, damaged)
        if found:
            return found
        print(
            f"not one of the {len(remembered.held_out)} images that the run "
            "held out is here: others are held out, and whether the run was "
            "trained on them cannot be told"
        )
    folds, fold = data.holdout_folds, data.fold
    part = f"part {fold} of {folds}" if folds else f"{data.holdout:g}"
    too_large = ", or their groups too large," if source.train.group_of else ""
    if folds:
        parts = fold_parts(source.train, seed, folds)
        is_held_out = parts == fold
        filled = len(np.setdiff1d(parts, ALWAYS_TRAINED))
        # Of all parts, so that none is trained on before that is refused.
        if 0 < filled < folds:
            raise UserError(
                f"{size} training images of {source.name} in {classes} classes "
                f"are too few{too_large} for {folds} parts, of which "
                f"{folds - filled} would be empty: set config.data."
                f"holdout_folds to {filled} or less"
            )
    else:
        is_held_out = choose_holdout(source.train, data.holdout, seed)
    if not is_held_out.any():
        raise UserError(
            f"{source.name} has no validation split, and {size} training "
            f"images in {classes} classes are too few{too_large} to hold out "
            f"{part} of them: add a validation split or more images"
        )
    least = "" if folds else ", at least one where it has two"
    whole = ", whole groups" if source.train.group_of else ""
    print(
        f"{source.name} has no validation split: {is_held_out.sum()} of the "
        f"{size} images of train are held out for it, {part} of each "
        f"class{least}{whole}"
    )
    _, labels = source.train.ids_and_labels()
    without = np.setdiff1d(labels, labels[is_held_out])
    if len(without):
        names = [source.class_names[label] for label in without]
        print(
            f"no image of {counted(len(names), 'class', 'classes')} is held "
            "out, since they have "
            f"too few images or groups: {shortened(names)}"
        )
    return dataclasses.replace(
        source,
        train=subset(source.train, ~is_held_out),
        validation=subset(source.train, is_held_out),
        statistics=None,
    )
