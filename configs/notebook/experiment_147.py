"""Experiment 147: pools that do not overlap (section 3.4).

The change against 145: pools of 2x2 units. So that the maps stay about as
large conv2 has padding 1 and conv5 none, and pools reach over the edge, as
all did in the 2012 code: 55, 28, 26, 13, 13, 11 and 6 units on a side.

Schedule: lr divided by 10 after 23, 51 and 79 epochs, conv1 frozen after 79,
end after 90.

Not certain: its log names no end of the lighting; here it stays on. The biases
end with 0.002, nobody knows since when; here they keep 0.02.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_147.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 41.06 % top-1 and 18.51 % top-5 error, log loss 1.7576,
          ILSVRC-2012 validation, ten crops: the paper's 0.4 and 0.3 points.
          This program has not been run on ImageNet.
"""

from ml_collections import ConfigDict

from configs import original2012


def get_config() -> ConfigDict:
    """145 with pools that do not overlap."""
    config = original2012.get_config()
    config.model.pool_size = 2
    config.model.pool_padding = "ceil"
    config.model.padding = (1, 1, 1, 0)

    train = config.train
    train.epochs = 90
    train.lr_drop_epochs = (23, 51, 79)
    train.layer_lrs = (("conv1", 79, 0.0),)
    train.lighting_epochs = 0
    return config
