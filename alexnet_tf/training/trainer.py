"""The training step."""

import contextlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.top_k import TopKError
from alexnet_tf.layers.draws import Share, drawing_for, draws_of
from alexnet_tf.layers.tower_weights import layer_of
from alexnet_tf.network import logit_parts
from alexnet_tf.training.loss_scale import LossScale, all_finite
from alexnet_tf.training.split_softmax import SplitSoftmax
from alexnet_tf.training.weight_average import WeightAverage
from alexnet_tf.workers.alone import ALONE, Workers

NOT_FINITE = "loss is not finite"


class Trainer(keras.Model):
    """Trains a network whose output is logits.

    Logits that are divided over the towers stay so. The loss is the
    cross-entropy, averaged over the batch; in a step its targets are smoothed
    and that of each image is multiplied by its class's weight, where the run
    has either, but not in the metrics. Metrics, averaged over the images of an
    epoch: `loss`, `top1_error`, `top5_error`, the errors as fractions.

    Args:
        network: a model from uint8 crops to logits. Where it computes in
            float16 the loss is scaled.
        optimizer: a Keras optimizer.
        accumulate: number of parts in which a batch is computed, one after
            the other; the update is that of the whole batch, the activations
            in memory those of a part.
        workers: what is trained together with, such as `Alone`. This worker
            is given the rows rank, rank + size, ... of the whole batch.
        xla: whether forward and backward pass are compiled with XLA; not with
            towers that are bound to devices.
        frozen: names of layers whose weights and velocities stay as they are.
            Below the lowest other one there is no backward pass.
        class_weights: float32 [classes], see `class_weights`; None: all 1.
        label_smoothing: see `smoothed`.
        weight_average: decay of the average of the weights that is validated,
            see `WeightAverage`; 0: the weights are.

    Attributes:
        accumulate, frozen: as given.
        sums: variables that add up the gradients of the parts, if any.
        class_counts: float64 variable [3, classes], sums over the images that
            were tested: right ones and all of each class, and guesses of it.
        loss_scale: a `LossScale`, or None where nothing is float16.
        average: a `WeightAverage`, or None.
        traced_graphs: the graphs of a step as Python traced them; they know
            static shapes, which executed graphs do not.
    """

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.Optimizer,
        *,
        accumulate: int = 1,
        workers: Workers = ALONE,
        xla: bool = False,
        frozen: Iterable[str] = (),
        class_weights: np.ndarray | None = None,
        label_smoothing: float = 0.0,
        weight_average: float = 0.0,
    ) -> None:
        super().__init__(name="trainer")
        self.network = network
        self.built = True  # it has no weights of its own
        # The optimizer is built now, eagerly: each velocity is created on its
        # weight's device.
        optimizer.build(network.trainable_variables)
        self.compile(optimizer=optimizer, jit_compile=False)
        self._mean_loss = keras.metrics.Mean(name="loss")
        self._errors = [TopKError(1), TopKError(5)]
        self._class_weights = class_weights
        self._label_smoothing = label_smoothing
        self.average = (
            WeightAverage(network.trainable_variables, weight_average)
            if weight_average
            else None
        )
        self.accumulate = accumulate
        self.frozen = tuple(frozen)
        self.sums = sums_of_gradients(self.learning) if accumulate > 1 else []
        self._workers = workers
        self._draws = draws_of(network)
        parts = logit_parts(network)
        classes = sum(part.shape[-1] for part in parts)
        self.class_counts = tf.Variable(
            tf.zeros([3, classes], tf.float64), trainable=False
        )
        self._split = SplitSoftmax.of(network) if len(parts) > 1 else None
        divided = keras.Model(network.input, parts) if self._split else network
        # This is a function, since Keras would save a second model's weights,
        # too.
        self._logits = lambda images, training: divided(
            images, training=training
        )
        computes_in = {layer.compute_dtype for layer in network.layers}
        self.loss_scale = LossScale() if "float16" in computes_in else None
        self.traced_graphs = set()
        self._differentiate = self._forward_and_backward
        if xla:
            self._differentiate = tf.function(
                self._forward_and_backward, jit_compile=True, autograph=False
            )

    @property
    def learning(self) -> list[keras.Variable]:
        """The variables that change: those of all layers but the frozen.

        All have velocities, so that a resumed run may freeze others.
        """
        return [
            variable
            for variable in self.network.trainable_variables
            if layer_of(variable) not in self.frozen
        ]

    @property
    def metrics(self) -> list[keras.Metric]:
        return [self._mean_loss, *self._errors]

    def call(
        self, images: tf.Tensor, training: bool | None = False
    ) -> tf.Tensor | list[tf.Tensor]:
        """Logits of the images, a list where they are divided."""
        return self._logits(images, training)

    def train_step(
        self, data: tuple[tf.Tensor, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """One step on (images, labels); raises where the loss is not finite.

        The weights are then still those that gave the loss.
        """
        images, labels = data
        if self.accumulate == 1:
            gradients, loss = self._part(images, labels, 0)
        else:
            gradients, loss = self._sum_of_parts(images, labels)
        variables = self.learning
        gradients, loss = self._workers.average_gradients(
            gradients, variables, loss, may_overflow=self.loss_scale is not None
        )
        finite = tf.debugging.assert_equal(
            tf.math.is_finite(loss), True, message=NOT_FINITE
        )
        # The draws have not moved on either where a step could not be done.
        with tf.control_dependencies([finite]):
            self._update(gradients, variables)
            for draws in self._draws:
                draws.advance()
        return self.get_metrics_result()

    def _sum_of_parts(
        self, images: tf.Tensor, labels: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Gradients and loss of a batch, computed part by part."""
        parts = self.accumulate
        if images.shape[0] is not None and images.shape[0] % parts:
            raise UserError(
                f"config.train.accumulate={parts} does not divide the "
                f"{images.shape[0]} images that a step has on this worker: "
                "choose a divisor"
            )
        rows = (images.shape[0] or tf.shape(images)[0]) // parts

        def add_part(
            number: tf.Tensor, loss: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            gradients, part_loss = self._part(
                _rows(images, number * rows, rows),
                _rows(labels, number * rows, rows),
                number,
            )
            for total, gradient in zip(self.sums, gradients, strict=True):
                total.assign_add(gradient)
            return number + 1, loss + part_loss

        for total in self.sums:
            with tf.device(total.device):
                total.assign(tf.zeros(total.shape))
        _, loss = tf.while_loop(
            lambda number, loss: number < parts,
            add_part,
            (0, 0.0),
            parallel_iterations=1,  # one part's activations in memory
        )
        return [_read(total) for total in self.sums], loss

    def _part(
        self, images: tf.Tensor, labels: tf.Tensor, number: int | tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Gradients and loss of part `number` of a batch; fills the metrics.

        Both are divided by the number of parts: added up they are the mean.
        """
        rows = images.shape[0] or tf.shape(images)[0]
        size = self._workers.size
        loss, gradients, losses, logits = self._differentiate(
            images,
            labels,
            first=self._workers.rank + size * rows * number,
            total=size * rows * self.accumulate,
        )
        self._update_metrics(labels, logits, losses)
        return gradients, loss

    def _forward_and_backward(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        first: int | tf.Tensor,
        total: int | tf.Tensor,
    ) -> tuple[Any, ...]:
        self.traced_graphs.add(tf.compat.v1.get_default_graph())
        share = Share(first, self._workers.size, total)
        variables = [variable.value for variable in self.learning]
        # What is not watched leaves nothing on the tape.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            with drawing_for(share):
                logits = self(images, training=True)
            losses, weighted = self._cross_entropies(labels, logits)
            if self._class_weights is not None:
                weighted *= tf.gather(self._class_weights, labels)
            loss = tf.reduce_mean(weighted) / self.accumulate
            target = self.loss_scale.scaled(loss) if self.loss_scale else loss
        gradients = tape.gradient(target, variables)
        return loss, gradients, losses, logits

    def _update(
        self, gradients: list[tf.Tensor], variables: list[keras.Variable]
    ) -> None:
        if self.loss_scale is None:
            self._apply(gradients, variables)
            return
        gradients = self.loss_scale.unscaled(gradients, variables)
        finite = all_finite(gradients, variables)
        tf.cond(finite, lambda: self._apply(gradients, variables), lambda: None)
        self.loss_scale.follow(finite)

    def _apply(
        self, gradients: list[tf.Tensor], variables: list[keras.Variable]
    ) -> None:
        self.traced_graphs.add(tf.compat.v1.get_default_graph())
        self.optimizer.apply(gradients, variables)
        if self.average:
            self.average.follow(self.optimizer.iterations)

    def test_step(
        self, data: tuple[tf.Tensor, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Measures (images, labels)."""
        images, labels = data
        with self.validated_weights():
            logits = self(images, training=False)
        losses, _ = self._cross_entropies(labels, logits)
        self._update_metrics(labels, logits, losses)
        self._count_classes(labels, logits)
        return self.get_metrics_result()

    def _count_classes(
        self, labels: tf.Tensor, logits: tf.Tensor | list[tf.Tensor]
    ) -> None:
        if self._split:
            guesses = tf.cast(self._split.guesses(logits), labels.dtype)
        else:
            guesses = tf.argmax(logits, axis=1, output_type=labels.dtype)
        classes = self.class_counts.shape[1]
        ones = tf.ones_like(labels, tf.float64)
        right = tf.cast(labels == guesses, tf.float64)
        self.class_counts.assign_add(
            tf.stack(
                [
                    tf.math.unsorted_segment_sum(values, of, classes)
                    for values, of in (
                        *((right, labels), (ones, labels)),
                        (ones, guesses),
                    )
                ]
            )
        )

    def validated_weights(self) -> contextlib.AbstractContextManager[Any]:
        """A `with` block in which the network has the weights that count."""
        return (
            self.average.scope() if self.average else contextlib.nullcontext()
        )

    def _cross_entropies(
        self, labels: tf.Tensor, logits: tf.Tensor | list[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Without label smoothing, and with it where the run has it."""
        smoothing = self._label_smoothing
        if self._split:
            return self._split.cross_entropy(labels, logits, smoothing)
        plain = cross_entropy(labels, logits)
        if not smoothing:
            return plain, plain
        return plain, smoothed(plain, labels, logits, smoothing)

    def _update_metrics(
        self,
        labels: tf.Tensor,
        logits: tf.Tensor | list[tf.Tensor],
        losses: tf.Tensor,
    ) -> None:
        # Where the images could not be read, nothing has been counted.
        with tf.control_dependencies([losses]):
            self._mean_loss.update_state(losses)
            if self._split:
                better = self._split.classes_ahead(labels, logits)
                for error in self._errors:
                    error.add_ranks(better)
                return
            for error in self._errors:
                error.update_state(labels, logits)


def _rows(
    tensor: tf.Tensor, first: tf.Tensor, count: int | tf.Tensor
) -> tf.Tensor:
    """`count` rows of a tensor from row `first` on."""
    begin = [first] + [0] * (len(tensor.shape) - 1)
    return tf.slice(tensor, begin, [count, *tensor.shape[1:]])


def _read(variable: tf.Variable) -> tf.Tensor:
    # read_value alone reads beside the variable, but hands out a copy that
    # the default device makes.
    with tf.device(variable.device):
        return variable.read_value()


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-log softmax(logits)[label] of each image; float32 [B]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels, tf.cast(logits, tf.float32)
    )


def smoothed(
    plain: tf.Tensor, labels: tf.Tensor, logits: tf.Tensor, smoothing: float
) -> tf.Tensor:
    """The cross-entropy with smoothed targets; float32 [B].

    With C classes the target of the label is 1 - e + e / C, that of every
    other class e / C (Szegedy et al. 2016, section 7).

    Args:
        plain: the cross-entropy without smoothing, float32 [B].
        labels: integer [B].
        logits: [B, C].
        smoothing: e.
    """
    logits = tf.cast(logits, tf.float32)
    own = tf.gather(logits, labels, batch_dims=1)
    return plain + smoothing * (own - tf.reduce_mean(logits, axis=1))


def sums_of_gradients(weights: list[keras.Variable]) -> list[tf.Variable]:
    """A variable on the device of each weight, to add its gradients up.

    The variables of a `tf.while_loop` would be on the default device.
    """
    sums = []
    for variable in weights:
        with tf.device(variable.value.device):
            sums.append(tf.Variable(tf.zeros(variable.shape), trainable=False))
    return sums
