"""Experiment 174: learning rates in steps that jump back half a step.

The change against 170: lr falls by 500, to 0.00002, and from the middle of
a level on it is the geometric mean with the level before, but not in the
first level and not in the last tenth of the run.

Schedule: lighting off after 62 epochs, conv1 frozen after 74.

Not certain: as in 170, the 95 epochs; it was stopped at 86 and taken up again.
Its first 24 epochs are those of 169.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_174.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.44 % top-1 and 18.04 % top-5 error, log loss 1.7300,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_170


def get_config() -> ConfigDict:
    """170 with rates that jump."""
    config = experiment_170.get_config()
    config.train.lr_schedule.kind = "jumping"
    config.train.lr_schedule.factor = 500.0
    config.train.layer_lrs = (("conv1", 74, 0.0),)
    config.train.lighting_epochs = 62
    return config
