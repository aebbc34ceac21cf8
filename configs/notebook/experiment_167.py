"""Experiment 167: no norms after conv2, rates in steps.

The change against 170: the second LRN and the same-map norm after it are
away; lr falls by 1,000, to 0.00001.

Schedule: lighting off after 63 epochs, conv1 frozen after 73.

Not certain: as in 170, the 95 epochs.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_167.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.49 % top-1 and 18.12 % top-5 error, log loss 1.7387,
          ILSVRC-2012 validation, ten crops: no worse than with the norms,
          though 148, without any, is. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_170


def get_config() -> ConfigDict:
    """170 without the norms after conv2."""
    config = experiment_170.get_config()
    config.model.without = ("lrn2", "norm2")
    config.train.lr_schedule.factor = 1000.0
    config.train.layer_lrs = (("conv1", 73, 0.0),)
    config.train.lighting_epochs = 63
    return config
