"""What changes by hand between two epochs, besides the learning rate."""

import keras

from alexnet_tf.training.optimizer import FOLLOWS_LR


class Schedule(keras.callbacks.Callback):
    """Sets the learning rates of single layers, and lighting on or off.

    Before every epoch and from its number alone, so that a resumed run does
    what it would have done.

    Args:
        layer_lrs: (layer, epochs, lr) for each change: after so many epochs
            the layer has its own lr, or is frozen where lr is 0.
        lighting_epochs: number of epochs with lighting; 0: all.
    """

    def __init__(self, layer_lrs=(), lighting_epochs=0):
        super().__init__()
        self._layer_lrs = layer_lrs
        self._lighting_epochs = lighting_epochs

    def on_epoch_begin(self, epoch, logs=None):
        for layer, lr in layer_lrs_at(self._layer_lrs, epoch).items():
            self.model.optimizer.set_layer_lr(layer, lr)
        if self._lighting_epochs:
            lighting = self.model.network.get_layer("lighting")
            lighting.switch(epoch < self._lighting_epochs)


def scheduled_layers(layer_lrs):
    """Names of the layers in a `layer_lrs` of a `Schedule`, each once."""
    return tuple(sorted({layer for layer, _, _ in layer_lrs}))


def layer_lrs_at(layer_lrs, epoch):
    """{layer: its lr, FOLLOWS_LR before its first change}.

    Args:
        layer_lrs: see `Schedule`, in any order.
        epoch: number of completed epochs.
    """
    rates = dict.fromkeys(scheduled_layers(layer_lrs), FOLLOWS_LR)
    for layer, epochs, lr in sorted(layer_lrs, key=lambda change: change[1]):
        if epochs <= epoch:
            rates[layer] = lr
    return rates
