"""Crops and mirrors (Krizhevsky et al. 2012, section 4.1)."""

import math

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


def resized_view(
    draw: tf.Tensor, scale: float, ratio: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Where a random resized crop lies and whether it is mirrored.

    Its area is uniform in [scale, 1] of the record's, the logarithm of width
    over height in [-log ratio, log ratio] (Szegedy et al. 2015, section 6). A
    side that would be longer than the record is cut to it, and its place is
    uniform.

    Args:
        draw: uint64 scalar, see `crop_draws`.
        scale: smallest area, as a share of the record's.
        ratio: largest ratio of two sides.

    Returns:
        (top, left, height, width: int32, is_mirrored: bool), scalars.
    """
    # Five numbers of one draw: uniform in [0, 1), float64.
    numbers = crop_draws(
        tf.bitcast(draw, tf.int64), tf.range(5, dtype=tf.int64)
    )
    whole = tf.bitcast(_shifted(numbers, 11), tf.int64)
    area, shape, down, across, mirror = tf.unstack(
        tf.cast(whole, tf.float64) * 2.0**-53
    )
    side = RECORD_SIZE * tf.sqrt(scale + (1 - scale) * area)
    stretch = tf.exp((2 * shape - 1) * (math.log(ratio) / 2))

    def length(exact: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(
            tf.cast(tf.round(exact), tf.int32), 1, RECORD_SIZE
        )

    def begin(place: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        free = tf.cast(RECORD_SIZE - length + 1, tf.float64)
        return tf.cast(place * free, tf.int32)

    height, width = length(side / stretch), length(side * stretch)
    return (
        *(begin(down, height), begin(across, width), height, width),
        mirror < 0.5,
    )


def resized_window(
    record: tf.Tensor,
    crop: int,
    top: tf.Tensor,
    left: tf.Tensor,
    height: tf.Tensor,
    width: tf.Tensor,
) -> tf.Tensor:
    """A part of a record at the size of a crop, bilinear and rounded.

    Args:
        record: uint8 [256, 256, 3].
        crop: side of the crop, in pixels.
        top, left, height, width: int32 scalars, see `resized_view`.

    Returns:
        uint8 [crop, crop, 3].
    """
    window = record[top : top + height, left : left + width]
    resized = tf.image.resize(window, [crop, crop], method="bilinear")
    return tf.cast(tf.round(resized), tf.uint8)


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
