"""Experiment 171: learning rates in five steps.

The change against 170: lr falls by 500, to 0.00002, in five levels of 19
epochs.

Schedule: lighting off after 60 epochs, conv1 frozen after 72.

Not certain: as in 170, the 95 epochs.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_171.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.42 % top-1 and 18.14 % top-5 error, log loss 1.7354,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_170


def get_config() -> ConfigDict:
    """170 with five levels."""
    config = experiment_170.get_config()
    config.train.lr_schedule.factor = 500.0
    config.train.lr_schedule.levels = 5
    config.train.layer_lrs = (("conv1", 72, 0.0),)
    config.train.lighting_epochs = 60
    return config
