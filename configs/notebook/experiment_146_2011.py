"""Experiment 146 on ImageNet of 2011: the second pre-training of "1 CNN*".

The change against 146 on 2009: 21,843 classes, too many for one GPU of 2012.
fc7 is followed by a linear layer of 1,024 neurons per tower, both reading both
towers, and the classes are divided, 10,921 and 10,922, under one softmax.

Starts from: 146 on 2009, conv1 to conv6; the fully connected layers new.

Schedule: convolutions at 0.001, the new layers at 0.01 up to epoch 6 and at
0.001 then; stopped at 8.11, here 8.

Not certain: nothing of the network. The biases of conv6 learned with 0.002,
all others with 0.02, which here all do.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_146_2011.py --data_dir=DIR
          --init=RUN of experiment_146_2009
Hardware: no run yet.
Result:   none in the log. This program has not been run on ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_146_2009

NEW = ("fc6", "fc7", "bottleneck", "fc8")


def get_config() -> ConfigDict:
    """146 with the divided head of 21,843 classes."""
    config = experiment_146_2009.get_config()
    model = config.model
    model.num_classes = 21_843
    model.bottleneck = 2048
    model.split_softmax = True
    model.exchange = ("conv3", "conv6", "fc6", "fc7", "bottleneck", "fc8")

    config.init.layers = (*config.init.layers, "conv6")

    train = config.train
    train.epochs = 8
    train.lr_drop_epochs = (8,)  # none while it trains
    train.lr_multipliers = experiment_146_2009.learning_faster(NEW)
    train.layer_lrs = tuple((layer, 6, 0.001) for layer in NEW)
    return config
