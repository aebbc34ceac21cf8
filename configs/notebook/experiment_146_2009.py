"""Experiment 146 on ImageNet of 2009: the first pre-training of "1 CNN*".

The change against 145: conv6, a sixth convolution, after pool5. It has 128
kernels per tower, 3x3, that read both towers; padding 1, deviation 0.03, bias
1. And the classes of the 2009 release, 10,184.

Starts from: 145 as trained on ILSVRC-2012, conv1 to conv5; the others new.

Schedule: conv1 to conv5 at 0.001, the new layers at 0.01 up to epoch 2.16 and
at 0.001 then; stopped at 6.65. Here whole epochs, 2 and 7.

Not certain: with which state of 145 it began; its third drop came later. The
biases of conv6 learned with 0.002, all others with 0.02, which here all do.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_146_2009.py --data_dir=DIR
          --init=RUN of experiment_145
Hardware: no run yet.
Result:   none in the log. This program has not been run on ImageNet.
"""

from collections.abc import Iterable

from ml_collections import ConfigDict

from configs import original2012

NEW = ("conv6", "fc6", "fc7", "fc8")


def learning_faster(layers: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """`lr_multipliers` of 10; the biases have a rate of their own."""
    return (
        *((layer, 10.0) for layer in layers),
        *((f"{layer}.bias", 1.0) for layer in layers),
    )


def get_config() -> ConfigDict:
    """145 with a sixth convolution, on folders of 10,184 classes."""
    config = original2012.get_config()
    config.data.name = "folder"
    model = config.model
    model.num_classes = 10_184
    model.conv6 = 256
    model.weight_std.conv6 = 0.03
    model.bias.conv6 = 1.0
    model.exchange = ("conv3", "conv6", "fc6", "fc7", "fc8")

    config.init.layers = ("conv1", "conv2", "conv3", "conv4", "conv5")

    train = config.train
    train.epochs = 7
    train.lr = 0.001
    train.lr_drop_epochs = (7,)  # none while it trains
    train.lr_multipliers = learning_faster(NEW)
    train.layer_lrs = tuple((layer, 2, 0.001) for layer in NEW)
    train.lighting_epochs = 0
    return config
