"""Finds the source that a config names."""

import dataclasses
from collections.abc import Iterable

from ml_collections import ConfigDict

from alexnet_tf.data.holdout import choose_holdout
from alexnet_tf.data.image_set import Damaged, Source, select, subset
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.remembered import Remembered, with_remembered_holdout
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.imagenet_tars import load_imagenet_tars
from alexnet_tf.data.sources.tfds import load_tfds
from alexnet_tf.errors import UserError


def load_source(
    data: ConfigDict,
    seed: int,
    data_dir: str | None = None,
    download: bool = False,
    damaged: Iterable[Damaged] | None = None,
    remembered: Remembered | None = None,
    known: tuple[str, ...] | None = None,
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

    Returns:
        A `Source` with both splits.

    Raises:
        UserError: the source does not exist or cannot be used.
    """
    damaged = damaged and list(damaged)
    source = open_whole_source(data.name, data_dir, download, damaged, known)
    if source.validation is None:
        numbers = [image.number for image in damaged or ()]
        source = _with_holdout(source, data.holdout, seed, remembered, numbers)
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
) -> Source:
    """Opens a source as it is, perhaps without a validation split.

    Args:
        name: embedded, folder, imagenet_tars, prepared, or a TFDS name.
        data_dir, download, damaged, known: see `load_source`.

    Raises:
        UserError: the source does not exist or cannot be used.
    """
    own = ("embedded", "folder", "imagenet_tars", "prepared")
    if download and name in own:
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
        return load_folder(data_dir, damaged or (), known)
    if name == "imagenet_tars":
        return load_imagenet_tars(data_dir)
    if name == "prepared":
        return load_prepared(data_dir, whole=damaged is None)
    return load_tfds(name, data_dir, download)


def _with_holdout(
    source: Source,
    share: float,
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
        count = round(share * size)
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
    is_held_out = choose_holdout(source.train, share, seed)
    if not is_held_out.any():
        raise UserError(
            f"{source.name} has no validation split, and {size} training "
            f"images in {classes} classes are too few to hold out "
            f"{share:g} of them: add a validation split or more images"
        )
    print(
        f"{source.name} has no validation split: {is_held_out.sum()} of the "
        f"{size} images of train are held out for it, {share:g} of each "
        "class, at least one where it has two"
    )
    return dataclasses.replace(
        source,
        train=subset(source.train, ~is_held_out),
        validation=subset(source.train, is_held_out),
        statistics=None,
    )
