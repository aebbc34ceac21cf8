"""Figure 1 of the paper: ReLU against tanh on CIFAR-10.

"A four-layer convolutional neural network with ReLUs reaches a 25% training
error rate on CIFAR-10 six times faster than an equivalent network with tanh
neurons", each with its own best learning rate, no regularization (section
3.1). The paper does not describe that network; cuda-convnet's conv-local-13pct
is the one of its examples with four layers of neurons, two convolutions and two
locally connected ones. Here without its weight decay, translations and mirrors.

Command:  python main.py --mode=figure1 --config=configs/figure1.py
          --data_dir=DIR --download
"""

import dataclasses
from typing import Annotated

from ml_collections import ConfigDict

from configs.cifar.network import Network
from configs.ranges import (
    Count,
    CountOrZero,
    Positive,
    Share,
    Text,
    TrueShare,
    above,
)

NETWORK = Network()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The comparison's values, each with what it may be."""

    data_name: Text = "cifar10"  # or folder; small images of one size
    images: CountOrZero = 0  # the first so many training images; 0: all
    crop: CountOrZero = 24  # side of the centre, as 13pct sees; 0: all of it
    network: Network = NETWORK
    batch_size: Count = 128
    momentum: Share = 0.9
    bias_lr_multiplier: Positive = 2.0  # 13pct: 0.001 and 0.002
    # Of the training images as they are trained on in an epoch, which is what
    # cuda-convnet logs (sec. 3.1).
    target_error: TrueShare = 0.25
    most_epochs: Count = 40  # the axis of figure 1 ends there
    first_lr: Positive = 0.001  # 13pct's; the search goes up and down from here
    lr_factor: Annotated[float, above(1)] = 2.0  # between neighbouring rates
    seeds: Count = 3  # runs at the best learning rate


def get_config() -> ConfigDict:
    """The comparison's values."""
    return ConfigDict(dataclasses.asdict(Recipe()))
