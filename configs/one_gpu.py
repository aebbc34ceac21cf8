"""The one-GPU network that the paper compares its two towers with.

Section 3.2 and its footnote: half as many kernels in each convolution except
the last, one tower. The last convolution and the fully connected layers, most
of the weights, are those of the two-GPU network, so that both have about as
many. All other values are the paper's.

Command:  python main.py --mode=train --config=configs/one_gpu.py --data_dir=DIR
Hardware: no run yet.
Result:   the paper: 1.7 points more top-1 and 1.2 more top-5 error than with
          two towers. This program has not been run on ImageNet.
"""

from ml_collections import ConfigDict

from configs import paper
from configs.ablations import HALF_THE_KERNELS


def get_config() -> ConfigDict:
    """The paper's values with one tower of half the kernels."""
    config = paper.get_config()
    config.model.towers = 1
    config.model.kernels = HALF_THE_KERNELS
    return config
