"""Crops and mirrors (Krizhevsky et al. 2012, section 4.1)."""

import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE


def crop_draws(seed: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """A random number for every id, a pure function of (seed, id).

    The mixing function of SplitMix64 (Steele, Lea and Flood 2014), twice: a
    few operations for a whole batch, where a random generator would have to
    be called for every image.

    Args:
        seed: int64 scalar tensor.
        ids: int64 tensor.

    Returns:
        uint64 tensor like `ids`.
    """
    golden = tf.constant(0x9E3779B97F4A7C15, tf.uint64)
    stream = _mixed(tf.bitcast(seed, tf.uint64) * golden)
    return _mixed(stream + tf.bitcast(ids, tf.uint64) * golden)


def _mixed(x: tf.Tensor) -> tf.Tensor:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ _shifted(x, shift)) * tf.constant(factor, tf.uint64)
    return x ^ _shifted(x, 31)


def _shifted(x: tf.Tensor, places: int) -> tf.Tensor:
    return tf.bitwise.right_shift(x, tf.constant(places, tf.uint64))


def random_view(
    crop: int, draw: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Where a crop lies and whether it is mirrored.

    All 33 x 33 places of a 224x224 crop, as in the 2012 code; the paper's
    factor of 2048 counts 32 x 32, twice.

    Args:
        crop: side of the crop, in pixels.
        draw: uint64, see `crop_draws`.

    Returns:
        (top: int32, left: int32, is_mirrored: bool), shaped like `draw`.
    """
    positions = RECORD_SIZE - crop + 1
    rest, top = draw // positions, draw % positions
    rest, left = rest // positions, rest % positions
    return tf.cast(top, tf.int32), tf.cast(left, tf.int32), rest % 2 == 1


def centre_view(
    crop: int, draw: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """As `random_view`, but always the centre, not mirrored."""
    start = (RECORD_SIZE - crop) // 2
    place = tf.fill(tf.shape(draw), start)
    return place, place, tf.zeros(tf.shape(draw), tf.bool)


def crop_and_mirror(
    record: tf.Tensor,
    crop: int,
    top: tf.Tensor,
    left: tf.Tensor,
    is_mirrored: tf.Tensor,
) -> tf.Tensor:
    """A crop, perhaps mirrored.

    Args:
        record: uint8 [256, 256, 3].
        crop: side of the crop, in pixels.
        top, left, is_mirrored: scalars, see `random_view`.

    Returns:
        uint8 [crop, crop, 3].
    """
    view = record[top : top + crop, left : left + crop]
    view.set_shape([crop, crop, 3])
    return mirrored_if(view, is_mirrored)


def mirrored_if(view: tf.Tensor, is_mirrored: tf.Tensor) -> tf.Tensor:
    """A view, or its mirror image; uint8 [side, side, 3]."""
    # The form [:, ::-1] would take five times as long on a CPU.
    return tf.cond(is_mirrored, lambda: tf.reverse(view, [1]), lambda: view)


def centre_crop(records: tf.Tensor, crop: int) -> tf.Tensor:
    """The central crop of records, uint8 [..., 256, 256, 3]."""
    start = (RECORD_SIZE - crop) // 2
    return records[..., start : start + crop, start : start + crop, :]
