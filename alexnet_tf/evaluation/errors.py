"""Top-1 and top-5 error: shares of images whose class was not predicted."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("alexnet_tf")
class TopKError(keras.metrics.MeanMetricWrapper):
    """1 - accuracy, where one of the k best scores counts as right.

    Args:
        k: number of guesses. With no more than k classes the error is 0.
        name: default `top{k}_error`.
    """

    def __init__(self, k=1, name=None, dtype=None):
        super().__init__(self._errors, name or f"top{k}_error", dtype=dtype)
        self.k = k

    def _errors(self, labels, scores):
        return top_k_errors(labels, scores, self.k)

    def get_config(self):
        return {"k": self.k, "name": self.name, "dtype": self.dtype}


def top_k_errors(labels, scores, k):
    """1.0 for every image whose label is not among its k best scores.

    Args:
        labels: integer [B].
        scores: float [B, classes], logits or probabilities.
        k: number of guesses.

    Returns:
        float32 [B]. A label that ties with the k-th best counts as right.
    """
    hit = tf.math.in_top_k(tf.cast(labels, tf.int64), scores, k)
    return 1.0 - tf.cast(hit, tf.float32)
