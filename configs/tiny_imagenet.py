"""202 classes of Tiny ImageNet, the full-size network, to begin others with.

66,660 training and 4,040 validation images of 64x64 pixels, none of whose
classes is one of imagenette's ten: what a network learns here is of use there
(docs/finetuning.md), and no photograph of the test has been seen.

Command:  python main.py --mode=train --config=configs/tiny_imagenet.py
          --data_dir=DIR
"""

from ml_collections import ConfigDict

from configs import imagenette


def get_config() -> ConfigDict:
    """imagenette's network, in larger batches and by a formula."""
    config = imagenette.get_config()
    config.data.name = "folder"
    config.model.num_classes = 0  # as many as the data has
    config.model.dropout = 0.0  # so few epochs underfit

    config.train.batch_size = 128
    config.train.lr = 0.01
    config.train.warmup_epochs = 1.0
    config.train.epochs = 8
    config.train.lr_drop_epochs = ()
    config.train.lr_schedule.kind = "cosine"
    config.train.lr_schedule.factor = 100.0
    return config
