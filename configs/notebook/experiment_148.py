"""Experiment 148: no normalization (section 3.3).

The change against 145: all norms are away, both LRNs and the same-map norm
after the second. The paper calls it the effect of response normalization.

Schedule: lr divided by 10 after 22, 44 and 86 epochs; conv1 0.00001 and
lighting off after 69, conv1 frozen after 73, end after 97.

Not certain: what each norm alone is worth; 167 tells of the two after conv2.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_148.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 42.03 % top-1 and 19.36 % top-5 error, log loss 1.8224,
          ILSVRC-2012 validation, ten crops: the paper's 1.4 and 1.2 points.
          This program has not been run on ImageNet.
"""

from ml_collections import ConfigDict

from configs import original2012


def get_config() -> ConfigDict:
    """145 without norms."""
    config = original2012.get_config()
    config.model.without = ("lrn1", "lrn2", "norm2")

    train = config.train
    train.epochs = 97
    train.lr_drop_epochs = (22, 44, 86)
    train.layer_lrs = (("conv1", 69, 1e-5), ("conv1", 73, 0.0))
    train.lighting_epochs = 69
    return config
