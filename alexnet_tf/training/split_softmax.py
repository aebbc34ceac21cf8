"""One softmax over classes that are divided over the towers.

Experiment 146 had 10,921 classes on one GPU and 10,922 on the other. The
logits stay where they are: per image and tower the largest one, the sum of the
exponentials and the label's own logit are what crosses.
"""

import dataclasses
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from alexnet_tf.evaluation.top_k import classes_ahead
from alexnet_tf.layers.towers import run_on


@dataclasses.dataclass(frozen=True)
class SplitSoftmax:
    """Loss and errors of logits that are divided over the towers.

    Attributes:
        devices: of each tower; None where TensorFlow chooses.
        firsts: index of each tower's first class.
    """

    devices: tuple[str | None, ...]
    firsts: tuple[int, ...]

    @classmethod
    def of(cls, network: keras.Model) -> "SplitSoftmax":
        """That of a network whose fc8 is divided."""
        fc8 = network.get_layer("fc8")
        towers = range(fc8.towers)
        firsts = tuple(sum(map(fc8.units_of, range(t))) for t in towers)
        return cls(tuple(map(fc8.device, towers)), firsts)

    def cross_entropy(
        self,
        labels: tf.Tensor,
        parts: list[tf.Tensor],
        smoothing: float = 0.0,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """-log softmax(joined parts)[label] of each image.

        With m the largest logit of all it is m + log(sum of exp(x - m)) less
        the label's own logit; with smoothing, less the mean of the logits that
        `trainer.smoothed` has.

        Args:
            labels: integer [B].
            parts: logits of each tower, float32 [B, its classes].
            smoothing: see `trainer.smoothed`.

        Returns:
            Two float32 [B], without smoothing and with it.
        """
        classes = sum(part.shape[1] for part in parts)
        largest = []
        for device, part in zip(self.devices, parts, strict=True):
            with tf.device(device):
                largest.append(tf.reduce_max(tf.stop_gradient(part), axis=1))
        highest = tf.reduce_max(tf.stack(largest), axis=0)

        def sum_and_own(first: int) -> Callable[[tf.Tensor], tf.Tensor]:
            # There is one function of a tower's logits: the gradients of two
            # would be added up on the default device.
            def function(part: tf.Tensor) -> tf.Tensor:
                powers = tf.exp(part - highest[:, None])
                own = _own_logits(labels, part, first)
                found = [tf.reduce_sum(powers, axis=1), own]
                if smoothing:
                    mean = tf.reduce_sum(part, axis=1) / classes
                    found.append((1 - smoothing) * own + smoothing * mean)
                return tf.stack(found)

            return function

        sums, *targets = tf.unstack(
            tf.add_n(
                [
                    run_on(device, sum_and_own(first), part)
                    for device, first, part in self._towers(parts)
                ]
            )
        )
        log_sums = highest + tf.math.log(sums)
        return log_sums - targets[0], log_sums - targets[-1]

    def classes_ahead(
        self, labels: tf.Tensor, parts: list[tf.Tensor]
    ) -> tf.Tensor:
        """How many classes are better guesses than each image's label.

        Args:
            labels, parts: see `cross_entropy`.

        Returns:
            int32 [B].
        """
        owns, counts = [], []
        for device, first, part in self._towers(parts):
            with tf.device(device):
                owns.append(_own_logits(labels, part, first))
        own = tf.add_n(owns)[:, None]
        for device, first, part in self._towers(parts):
            with tf.device(device):
                counts.append(classes_ahead(labels, part, own, first))
        return tf.add_n(counts)

    def guesses(self, parts: list[tf.Tensor]) -> tf.Tensor:
        """The class with the largest logit, the first of equal ones.

        Args:
            parts: see `cross_entropy`.

        Returns:
            int32 [B].
        """
        largest, places = [], []
        for device, first, part in self._towers(parts):
            with tf.device(device):
                largest.append(tf.reduce_max(part, axis=1))
                place = tf.argmax(part, axis=1, output_type=tf.int32)
                places.append(first + place)
        tower = tf.argmax(tf.stack(largest), axis=0)
        return tf.gather(tf.stack(places, axis=1), tower, batch_dims=1)

    def _towers(
        self, parts: list[tf.Tensor]
    ) -> Iterator[tuple[str | None, int, tf.Tensor]]:
        return zip(self.devices, self.firsts, parts, strict=True)


def _own_logits(labels: tf.Tensor, part: tf.Tensor, first: int) -> tf.Tensor:
    """[B]: the labels' logits, 0 where a label is another tower's."""
    classes = first + tf.range(part.shape[1])
    is_own = classes[None, :] == tf.cast(labels, tf.int32)[:, None]
    return tf.reduce_sum(tf.where(is_own, part, tf.zeros_like(part)), axis=1)
