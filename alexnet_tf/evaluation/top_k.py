"""Top-1 and top-5 error, and how sure they are."""

from typing import Any

import keras
import tensorflow as tf

CONFIDENCE = 0.95


@keras.saving.register_keras_serializable("alexnet_tf")
class TopKError(keras.metrics.MeanMetricWrapper):
    """1 - accuracy, where one of the k best scores counts as right.

    Args:
        k: number of guesses. With no more than k classes the error is 0.
        name: default `top{k}_error`.
    """

    def __init__(
        self, k: int = 1, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(self._errors, name or f"top{k}_error", dtype=dtype)
        self.k = k

    def _errors(self, labels: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        return top_k_errors(labels, scores, self.k)

    def add_ranks(self, better: tf.Tensor) -> None:
        """Adds images, given how many classes are ahead of their label.

        Args:
            better: integer [B], see `classes_ahead`.
        """
        errors = tf.cast(better >= self.k, tf.float32)
        keras.metrics.Mean.update_state(self, errors)

    def get_config(self) -> dict[str, Any]:
        return {"k": self.k, "name": self.name, "dtype": self.dtype}


def top5_means_something(classes: int | None) -> bool:
    """Whether five guesses can miss: of up to five classes they never do.

    Args:
        classes: how many there are; None: unknown.
    """
    return classes is None or classes > 5


def top_k_errors(labels: tf.Tensor, scores: tf.Tensor, k: int) -> tf.Tensor:
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
    own = tf.gather(scores, tf.cast(labels, tf.int32)[:, None], batch_dims=1)
    return tf.cast(classes_ahead(labels, scores, own) >= k, tf.float32)


def classes_ahead(
    labels: tf.Tensor, scores: tf.Tensor, own: tf.Tensor, first: int = 0
) -> tf.Tensor:
    """How many of some classes are better guesses than each image's label.

    Args:
        labels: integer [B].
        scores: float [B, some classes].
        own: float [B, 1], the score of each label.
        first: index of the first of these classes.

    Returns:
        int32 [B].
    """
    labels = tf.cast(labels, tf.int32)[:, None]
    later = first + tf.range(tf.shape(scores)[1])[None, :] >= labels
    behind = (scores < own) | ((scores == own) & later)
    return tf.reduce_sum(tf.cast(~behind, tf.int32), axis=1)


def wilson_interval(wrong: int, images: int) -> tuple[float, float]:
    """The 95 % interval of an error (Wilson 1927).

    Sound at the edges too, where resampling the images is not: one right
    answer does not prove that all are, and of 3 errors in 1000 the lower end
    is not 0.

    Args:
        wrong: number of images that count as errors.
        images: number of all images, at least 1.

    Returns:
        (low, high), fractions.
    """
    from scipy.stats import binomtest  # late: it takes a second

    interval = binomtest(wrong, images).proportion_ci(
        CONFIDENCE, method="wilson"
    )
    return float(interval.low), float(interval.high)
