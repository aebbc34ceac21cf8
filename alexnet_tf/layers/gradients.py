"""Names for the operations of gradients that are written out."""

import tensorflow as tf


def gradient_scope():
    """Name scope for the gradient of what runs now.

    TensorFlow names the gradients that it derives after the operation they are
    of, and leaves those of `tf.custom_gradient` without their layer's name:
    nobody could find them in a profile.

    Returns:
        A function without arguments, to be called in the gradient function,
        that returns the context manager.
    """
    scope = tf.get_current_name_scope()
    name = f"gradient_tape/{scope}/" if scope else "gradient_tape/"
    return lambda: tf.name_scope(name)
