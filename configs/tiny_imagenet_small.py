"""A quarter of the width on 202 classes of Tiny ImageNet, to begin others with.

66,660 training and 4,040 validation images of 64x64 pixels, none of whose
classes is one of imagenette's ten: what a network learns here is of use there
(docs/finetuning.md), and no photograph of the test has been seen.

Not run to its end yet; the values are imagenette_small's.
"""

from ml_collections import ConfigDict

from configs import imagenette_small


def get_config() -> ConfigDict:
    """imagenette_small's network and values, in larger batches."""
    config = imagenette_small.get_config()
    config.data.name = "folder"
    config.model.num_classes = 0  # as many as the data has

    config.train.batch_size = 64
    config.train.lr = 0.004
    config.train.epochs = 8
    config.train.lr_drop_epochs = (6,)
    return config
