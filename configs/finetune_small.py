"""imagenette's photographs, begun with tiny_imagenet_small's layers.

The last layer is new and learns ten times as fast as those that were taken.
docs/finetuning.md has what it reached on few photographs; rates and epochs were
not searched for.
"""

from ml_collections import ConfigDict

from configs import imagenette_small


def get_config() -> ConfigDict:
    """imagenette_small with small steps for what is learned already."""
    config = imagenette_small.get_config()
    config.train.lr = 0.0005
    config.train.lr_multipliers = (("fc8", 10.0),)
    config.train.epochs = 8
    config.train.lr_drop_epochs = (6,)
    return config
