"""Experiment 169: learning rates in four steps, a smaller last one.

The change against 170: lr falls by 500 instead of 250, to 0.00002.

Schedule: lighting off after 60 epochs, conv1 frozen after 73.

Not certain: as in 170, the 95 epochs.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_169.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.60 % top-1 and 18.11 % top-5 error, log loss 1.7351,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_170


def get_config() -> ConfigDict:
    """170 with a smaller last rate."""
    config = experiment_170.get_config()
    config.train.lr_schedule.factor = 500.0
    config.train.layer_lrs = (("conv1", 73, 0.0),)
    config.train.lighting_epochs = 60
    return config
