"""The ten crops of the paper's test (section 4.1)."""

import keras
import tensorflow as tf

from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE


def crop_corners(crop: int) -> list[tuple[int, int]]:
    """First row and column of five crops of a record, in their order.

    >>> crop_corners(224)
    [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    """
    end = RECORD_SIZE - crop
    middle = end // 2
    return [(0, 0), (0, end), (end, 0), (end, end), (middle, middle)]


def ten_crops(records: tf.Tensor, crop: int) -> tf.Tensor:
    """The four corners and the centre, then their mirrors.

    Args:
        records: uint8 [B, 256, 256, 3].
        crop: side of a crop, in pixels.

    Returns:
        uint8 [B, 10, crop, crop, 3]: top left, top right, bottom left, bottom
        right, centre, and the same five mirrored.
    """
    views = [
        records[:, top : top + crop, left : left + crop]
        for top, left in crop_corners(crop)
    ]
    # This is seven times as fast on a CPU as [:, :, ::-1].
    mirrored = [tf.reverse(view, [2]) for view in views]
    return tf.stack(views + mirrored, axis=1)


def ten_crop_probabilities(
    network: keras.Model, records: tf.Tensor, crop: int
) -> tf.Tensor:
    """The average of the softmax outputs, not of the logits, of ten crops.

    Args:
        network: from uint8 crops to logits.
        records: uint8 [B, 256, 256, 3].
        crop: side of a crop, in pixels.

    Returns:
        float64 [B, classes].
    """
    views = tf.reshape(ten_crops(records, crop), [-1, crop, crop, 3])
    each = softmax(network(views, training=False))
    return tf.reduce_mean(tf.reshape(each, [-1, 10, each.shape[-1]]), axis=1)


def centre_crop_probabilities(
    network: keras.Model, records: tf.Tensor, crop: int
) -> tf.Tensor:
    """The softmax output of the central crop alone; float64 [B, classes]."""
    views = centre_crop(records, crop)
    return softmax(network(views, training=False))


def softmax(logits: tf.Tensor) -> tf.Tensor:
    """Probabilities, float64, of logits [..., classes] of any float dtype."""
    # In float32 every logit 100 below the largest gives a probability of 0, and
    # which classes come second to fifth is lost.
    return tf.nn.softmax(tf.cast(logits, tf.float64))
