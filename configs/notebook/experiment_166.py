"""Experiment 166: both norms after conv2 below its ReLU.

The change against 170: conv2 is normalized with its sign, pooled, and cut at 0
then, as conv1 is in 145; lr falls by 1,000, to 0.00001.

Schedule: lighting off after 64 epochs, conv1 frozen after 73.

Not certain: as in 170, the 95 epochs.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_166.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 41.10 % top-1 and 18.67 % top-5 error, log loss 1.7681,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_170


def get_config() -> ConfigDict:
    """170 with signed norms after conv2."""
    config = experiment_170.get_config()
    config.model.conv2_order = "lrn_pool_relu"
    config.train.lr_schedule.factor = 1000.0
    config.train.layer_lrs = (("conv1", 73, 0.0),)
    config.train.lighting_epochs = 64
    return config
