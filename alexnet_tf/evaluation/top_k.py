"""Top-1 and top-5 error, and how sure they are."""

import keras
import numpy as np
import tensorflow as tf

RESAMPLES = 10_000
CONFIDENCE = 0.95


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
        float32 [B]. Among equal scores the class with the lower index is the
        better guess, as for argmax, so a network that says the same of all
        classes has the error of a guess, not 0.
    """
    labels = tf.cast(labels, tf.int32)[:, None]
    own = tf.gather(scores, labels, batch_dims=1)
    later = tf.range(tf.shape(scores)[1])[None, :] >= labels
    behind = (scores < own) | ((scores == own) & later)
    better = tf.reduce_sum(tf.cast(~behind, tf.int32), axis=1)
    return tf.cast(better >= k, tf.float32)


def bootstrap_interval(errors, seed=0):
    """The percentile bootstrap interval of a mean (Efron 1979), 95 %.

    Args:
        errors: [N], 0 or 1 for each image.
        seed: integer.

    Returns:
        (low, high), fractions.
    """
    count = len(errors)
    # N draws with replacement from zeros and ones: their sum is binomial.
    means = (
        np.random.default_rng(seed).binomial(count, np.mean(errors), RESAMPLES)
        / count
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
