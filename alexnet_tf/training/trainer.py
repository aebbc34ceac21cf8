"""The training step."""

import keras
import tensorflow as tf

from alexnet_tf.evaluation.errors import TopKError

NOT_FINITE = "loss is not finite"


class Trainer(keras.Model):
    """Trains a network whose output is logits.

    The loss is the cross-entropy, averaged over the batch; metrics are
    `top1_error` and `top5_error`, fractions.

    Args:
        network: a model from uint8 crops to logits.
        optimizer: a Keras optimizer.
    """

    def __init__(self, network, optimizer):
        super().__init__(name="trainer")
        self.network = network
        # Now, eagerly: each velocity is created on its weight's device.
        optimizer.build(network.trainable_variables)
        self.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[TopKError(1), TopKError(5)],
            jit_compile=False,
        )

    def call(self, images, training=False):
        return self.network(images, training=training)

    def train_step(self, data):
        """One step on (images, labels); raises where the loss is not finite.

        The weights are then still those that gave the loss.
        """
        images, labels = data
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            loss = self.compute_loss(y=labels, y_pred=logits)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, variables)
        finite = tf.debugging.assert_equal(
            tf.math.is_finite(loss), True, message=NOT_FINITE
        )
        with tf.control_dependencies([finite]):
            self.optimizer.apply(gradients, variables)
        return self._update_metrics(labels, logits, loss)

    def _update_metrics(self, labels, logits, loss):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(labels)[0])
            else:
                metric.update_state(labels, logits)
        return self.get_metrics_result()
