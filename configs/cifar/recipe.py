"""Values with which the four-layer networks of CIFAR-10 are trained to an end.

The defaults are conv-local-13pct's: "13 %" of section 3.3. Sources: the
parameter files beside the layer definitions (configs/cifar/network.py), whose
comments have the method.
"""

import dataclasses
from typing import Any

from ml_collections import ConfigDict

from configs.cifar.network import Network
from configs.ranges import (
    Count,
    CountOrZero,
    NotNegative,
    Positive,
    Seed,
    Share,
    Text,
)

NETWORK = Network()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A network and its training, each value with what it may be."""

    data_name: Text = "cifar10"  # or folder; small images of one size
    network: Network = NETWORK
    lr: Positive = 0.001
    bias_lr_multiplier: Positive = 2.0
    momentum: Share = 0.9
    # Of each layer's weights, softmax last; biases have none.
    decays: tuple[NotNegative, ...] = (0.0, 0.0, 0.004, 0.004, 0.004)
    batch_size: Count = 128
    # Side of the crops that are trained on, at a place and with a mirror drawn
    # for each image; tested on nine places, whose probabilities are averaged.
    # 0: the whole image, never mirrored, in training and in the test.
    crop: CountOrZero = 24
    # 13pct and 11pct: some 350 on four fifths of the images, until the last
    # fifth stops improving, then some 150 on all. Here all are trained on.
    epochs: Count = 500
    drops: CountOrZero = 2  # of lr by ten, behind these epochs
    epochs_after_drop: Count = 10
    seed: Seed = 0


def recipe(**values: Any) -> ConfigDict:
    """13pct's values, but for those that are given."""
    return ConfigDict(dataclasses.asdict(Recipe(**values)))
