"""imagenette's photographs, begun with tiny_imagenet's layers.

The last layer is new and learns five times as fast as those that were taken.

Command:  python main.py --mode=train --init=runs/tiny_imagenet
          --config=configs/finetune.py --data_dir=DIR
"""

from ml_collections import ConfigDict

from configs import imagenette


def get_config() -> ConfigDict:
    """imagenette with small steps for what is learned already."""
    config = imagenette.get_config()
    config.train.lr = 0.001
    config.train.lr_multipliers = (("fc8", 5.0),)
    config.train.warmup_epochs = 1.0
    config.train.epochs = 14
    config.train.lr_drop_epochs = ()
    config.train.lr_schedule.kind = "cosine"
    config.train.lr_schedule.factor = 100.0
    return config
