"""A quarter of the width on the photographs of ten classes, for comparisons.

Small enough to train a network and its variants several times on a CPU; its
errors are not those of the network of 2012.
"""

from ml_collections import ConfigDict

from configs import imagenette

WIDTH = 0.25


def narrow(config: ConfigDict, width: float = WIDTH) -> None:
    """Narrows a full network, with weights as large as the width asks for."""
    config.model.width = width
    # A neuron with a quarter of the inputs keeps the size of its sum with
    # twice the deviation. conv1 reads three colours at any width.
    for layer in ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        config.model.weight_std[layer] /= width**0.5


def get_config() -> ConfigDict:
    """imagenette's values, narrow and shorter."""
    config = imagenette.get_config()
    narrow(config)
    config.train.epochs = 6
    config.train.lr_drop_epochs = (5,)
    config.train.precision = "float32"
    return config
