"""The training step."""

import keras
import tensorflow as tf

from alexnet_tf.evaluation.errors import TopKError

NOT_FINITE = "loss is not finite"


class Trainer(keras.Model):
    """Trains a network whose output is logits.

    The loss is the cross-entropy, averaged over the batch. Metrics, averaged
    over the images of an epoch: `loss`, `top1_error`, `top5_error`, the
    errors as fractions.

    Args:
        network: a model from uint8 crops to logits.
        optimizer: a Keras optimizer.
    """

    def __init__(self, network, optimizer):
        super().__init__(name="trainer")
        self.network = network
        self.built = True  # it has no weights of its own
        # Now, eagerly: each velocity is created on its weight's device.
        optimizer.build(network.trainable_variables)
        self.compile(optimizer=optimizer, jit_compile=False)
        self._mean_loss = keras.metrics.Mean(name="loss")
        self._errors = [TopKError(1), TopKError(5)]

    @property
    def metrics(self):
        return [self._mean_loss, *self._errors]

    def call(self, images, training=False):
        return self.network(images, training=training)

    def train_step(self, data):
        """One step on (images, labels); raises where the loss is not finite.

        The weights are then still those that gave the loss.
        """
        images, labels = data
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            losses = cross_entropy(labels, logits)
            loss = tf.reduce_mean(losses)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, variables)
        finite = tf.debugging.assert_equal(
            tf.math.is_finite(loss), True, message=NOT_FINITE
        )
        with tf.control_dependencies([finite]):
            self.optimizer.apply(gradients, variables)
        return self._update_metrics(labels, logits, losses)

    def test_step(self, data):
        """Measures (images, labels)."""
        images, labels = data
        logits = self(images, training=False)
        return self._update_metrics(
            labels, logits, cross_entropy(labels, logits)
        )

    def _update_metrics(self, labels, logits, losses):
        # Where the images could not be read, nothing has been counted.
        with tf.control_dependencies([losses]):
            self._mean_loss.update_state(losses)
            for error in self._errors:
                error.update_state(labels, logits)
        return self.get_metrics_result()


def cross_entropy(labels, logits):
    """-log softmax(logits)[label] of each image; float32 [B]."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels, tf.cast(logits, tf.float32)
    )
