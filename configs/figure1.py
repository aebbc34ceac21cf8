"""Figure 1 of the paper: ReLU against tanh on CIFAR-10.

"A four-layer convolutional neural network with ReLUs reaches a 25% training
error rate on CIFAR-10 six times faster than an equivalent network with tanh
neurons", each with its own best learning rate, no regularization (section
3.1). The paper does not describe that network; this is the one of
cuda-convnet's CIFAR-10 example without its normalization: three convolutions
with pooling and a softmax layer.

Command:  python main.py --mode=figure1 --config=configs/figure1.py
          --data_dir=DIR --download
"""

import dataclasses
from typing import Annotated

from ml_collections import ConfigDict

from configs.ranges import (
    Count,
    NotNegative,
    Positive,
    Share,
    Text,
    TrueShare,
    above,
)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The comparison's values, each with what it may be."""

    data_name: Text = "cifar10"  # or folder; small images of one size
    kernels: tuple[Count, ...] = (32, 32, 64)  # of three 5x5 convolutions
    kernel_size: Count = 5
    # Deviations of the initial weights of the four layers; (): LeCun's, which
    # keep the variance of the signal. cuda-convnet's example had 0.0001, 0.01,
    # 0.01, 0.1; its first is of pixels 64 times as large as ours.
    weight_std: tuple[NotNegative, ...] = ()
    pool_size: Count = 3
    pool_stride: Count = 2
    batch_size: Count = 128
    momentum: Share = 0.9
    target_error: TrueShare = 0.25  # of the training images, sec. 3.1
    error_images: Count = 10_000  # training images it is measured on
    most_epochs: Count = 100  # the axis of figure 1 ends at 40
    first_lr: Positive = 0.01  # the search goes up and down from here
    lr_factor: Annotated[float, above(1)] = 3.0  # between neighbouring rates
    seeds: Count = 3  # runs at the best learning rate


def get_config() -> ConfigDict:
    """The comparison's values."""
    return ConfigDict(dataclasses.asdict(Recipe()))
