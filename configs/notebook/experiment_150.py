"""Experiment 150: towers that never meet before the last layer.

The change against 145: conv3, fc6 and fc7 read their own tower alone. So that
the weights stay about as many, conv2 has 160 kernels per tower and fc6 4,096
neurons; fc7 has 2,048, as in 145.

Schedule: lr divided by 10 after 25, 49 and 79 epochs; conv1 0.00001 and
lighting off after 66, conv1 frozen after 72, end after 92.

Not certain: nothing that the files leave open.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_150.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 41.83 % top-1 and 19.33 % top-5 error, log loss 1.8112,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs import original2012


def get_config() -> ConfigDict:
    """145 without exchange below fc8."""
    config = original2012.get_config()
    model = config.model
    model.exchange = ("fc8",)
    model.kernels = (96, 320, 384, 384, 256)
    model.units = 8192
    model.fc7_units = 4096

    train = config.train
    train.epochs = 92
    train.lr_drop_epochs = (25, 49, 79)
    train.layer_lrs = (("conv1", 66, 1e-5), ("conv1", 72, 0.0))
    train.lighting_epochs = 66
    return config
