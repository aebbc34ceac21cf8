"""Experiment 146-2012-2011: the fine-tuning that gave the paper's "1 CNN*".

The change against 146 on 2011: its classes are the 1,000 of ILSVRC-2012 again,
without the linear layer.

Starts from: 146 on 2011, all but the linear and the last layer, which is new.

Schedule: conv1 at 0.0001, all others at 0.001, the last layer at 0.01 after
300 batches, here from the first on; conv1 0.00001 after 5 epochs, frozen after
7; the last layer 0.001 after 9; all 0.0001 after 22; lighting off after 38;
0.00001 after 42; end after 54.

Not certain: when the biases of conv6 got the 0.022 with which the file ends;
here all have 0.02.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_146_2012.py --data_dir=DIR
          --init=RUN of experiment_146_2011
Hardware: no run yet.
Result:   its log: 38.99 % top-1 and 16.62 % top-5 error, log loss 1.6332,
          ILSVRC-2012 validation, ten crops; 39.10 % and 16.88 % where the step
          on 2011 was left out. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_146_2009


def get_config() -> ConfigDict:
    """146 on ILSVRC-2012."""
    config = experiment_146_2009.get_config()
    config.data.name = "imagenet2012:5.*.*"
    config.model.num_classes = 1000

    config.init.layers = (*config.init.layers, "conv6", "fc6", "fc7")

    train = config.train
    train.epochs = 54
    train.lr_drop_epochs = (22, 42)
    train.lr_multipliers = (
        *(("conv1", 0.1), ("conv1.bias", 1.0)),
        *experiment_146_2009.learning_faster(["fc8"]),
    )
    train.layer_lrs = (
        *(("conv1", 5, 1e-5), ("conv1", 7, 0.0), ("fc8", 9, 0.001)),
        *(("fc8", 22, 1e-4), ("fc8", 42, 1e-5)),
    )
    train.lighting_epochs = 38
    return config
