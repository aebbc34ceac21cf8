"""Experiment 170: learning rates in four steps.

The change against 145: the network is the same; lr falls from 0.01 to 0.00004
in four levels, equally far apart in the logarithm, each for a quarter of 95
epochs, that of the biases from 0.02 to 0.002 in two.

Schedule: beside it lighting off after 68 epochs, conv1 frozen after 74.

Not certain: that it took 95 epochs, the number that 169's notes name. The
rates of 2012 changed within an epoch; here they do with the next one. Its
first 24 epochs are those of 169.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_170.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.53 % top-1 and 18.05 % top-5 error, log loss 1.7301,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs import original2012


def get_config() -> ConfigDict:
    """145 with rates by formula."""
    config = original2012.get_config()
    train = config.train
    train.epochs = 95
    train.lr_drop_epochs = ()
    train.lr_schedule.kind = "stepwise"
    train.lr_schedule.factor = 250.0
    train.lr_schedule.levels = 4
    train.bias_lr_schedule.kind = "stepwise"
    train.bias_lr_schedule.factor = 10.0
    train.bias_lr_schedule.levels = 2
    train.layer_lrs = (("conv1", 74, 0.0),)
    train.lighting_epochs = 68
    return config
