"""A quarter of the width on 202 classes of Tiny ImageNet, to begin others with.

66,660 training and 4,040 validation images of 64x64 pixels, none of whose
classes is one of imagenette's ten: what a network learns here is of use there
(docs/finetuning.md), and no photograph of the test has been seen.
"""

from ml_collections import ConfigDict

from configs import imagenette_small


def get_config() -> ConfigDict:
    """imagenette_small's network, in larger batches and by a formula."""
    config = imagenette_small.get_config()
    config.data.name = "folder"
    config.model.num_classes = 0  # as many as the data has
    config.model.dropout = 0.0  # so few epochs underfit

    config.train.batch_size = 64
    config.train.lr = 0.01
    config.train.warmup_epochs = 1.0  # without it this rate kills the ReLUs
    config.train.epochs = 10
    config.train.lr_drop_epochs = ()
    config.train.lr_schedule.kind = "cosine"
    config.train.lr_schedule.factor = 100.0
    return config
