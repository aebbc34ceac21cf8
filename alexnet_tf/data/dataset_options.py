"""Datasets that end when they are at their end."""

import tensorflow as tf


def untuned() -> tf.data.Options:
    """`tf.data.Options` without tf.data's tuner.

    The tuner looks at a dataset after 10 ms, 20 ms, 40 ms and so on, and with
    TensorFlow 2.21 the end of a dataset may wait until it looks again: a pass
    then takes up to twice its time. `tf.data.AUTOTUNE` without it means one
    call for each core, up to 16.

    Options hold for all that is made of a dataset.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options
