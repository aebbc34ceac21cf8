"""The ten crops of the paper's test (section 4.1)."""

import keras
import tensorflow as tf

from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE


def ten_crops(records: tf.Tensor, crop: int) -> tf.Tensor:
    """The four corners and the centre, then their mirrors.

    Args:
        records: uint8 [B, 256, 256, 3].
        crop: side of a crop, in pixels.

    Returns:
        uint8 [B, 10, crop, crop, 3]: top left, top right, bottom left, bottom
        right, centre, and the same five mirrored.
    """
    end = RECORD_SIZE - crop
    middle = end // 2
    corners = [(0, 0), (0, end), (end, 0), (end, end), (middle, middle)]
    views = [
        records[:, top : top + crop, left : left + crop]
        for top, left in corners
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
    each = _softmax(network(views, training=False))
    return tf.reduce_mean(tf.reshape(each, [-1, 10, each.shape[-1]]), axis=1)


def centre_crop_probabilities(
    network: keras.Model, records: tf.Tensor, crop: int
) -> tf.Tensor:
    """The softmax output of the central crop alone; float64 [B, classes]."""
    views = centre_crop(records, crop)
    return _softmax(network(views, training=False))


def _softmax(logits: tf.Tensor) -> tf.Tensor:
    # In float32 every logit 100 below the largest gives a probability of 0, and
    # which classes come second to fifth is lost.
    return tf.nn.softmax(tf.cast(logits, tf.float64))
