"""Finds the source that a config names."""

import dataclasses

from alexnet_tf.data.image_set import select
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.imagenet_tars import load_imagenet_tars
from alexnet_tf.data.sources.tfds import load_tfds
from alexnet_tf.errors import UserError


def load_source(data, seed, data_dir=None, download=False, damaged=None):
    """Opens the source that a config names, held-out part and limit applied.

    Args:
        data: the `data` section of a config.
        seed: integer; decides which images `holdout` and `limit` take.
        data_dir: folder of the data, for sources that need one.
        download: whether TFDS may download.
        damaged: `Damaged` images that a run leaves out, which need not be
            there; None: all images must be.

    Returns:
        A `Source` with both splits.

    Raises:
        UserError: the source does not exist or cannot be used.
    """
    source = open_whole_source(data.name, data_dir, download, damaged)
    if source.validation is None:
        source = _with_holdout(source, data.holdout, seed)
    if 0 < data.limit < source.train.size:
        limited = select(source.train, seed, 0, data.limit)
        source = dataclasses.replace(source, train=limited, statistics=None)
    return source


def open_whole_source(name, data_dir=None, download=False, damaged=None):
    """Opens a source as it is, perhaps without a validation split.

    Args:
        name: embedded, folder, imagenet_tars, prepared, or a TFDS name.
        data_dir, download, damaged: see `load_source`.

    Raises:
        UserError: the source does not exist or cannot be used.
    """
    if name == "embedded":
        if data_dir:
            raise UserError(
                "the embedded images need no --data_dir: for your own add "
                "--config.data.name=folder, or the name of a TFDS set"
            )
        return load_embedded()
    if name == "folder":
        return load_folder(data_dir, damaged or ())
    if name == "imagenet_tars":
        return load_imagenet_tars(data_dir)
    if name == "prepared":
        return load_prepared(data_dir, whole=damaged is None)
    return load_tfds(name, data_dir, download)


def _with_holdout(source, share, seed):
    """`source` with a seeded part of its training split held out."""
    size = source.train.size
    held_out = round(share * size)
    classes = len(source.class_names)
    if held_out < 1 or size - held_out < classes:
        raise UserError(
            f"{source.name} has no validation split, and {size} training "
            f"images in {classes} classes are too few to hold out "
            f"{share:g} of them: add a validation split or more images"
        )
    return dataclasses.replace(
        source,
        train=select(source.train, seed, held_out, size),
        validation=select(source.train, seed, 0, held_out),
        statistics=None,
    )
