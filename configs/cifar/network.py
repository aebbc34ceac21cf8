"""What the four-layer networks of CIFAR-10 are made of.

Sources: "13pct", "11pct", "19pct" and "80sec" are the layer definitions
layers-conv-local-13pct.cfg, layers-conv-local-11pct.cfg, layers-19pct.cfg and
layers-80sec.cfg of Krizhevsky's cuda-convnet.
"""

import dataclasses
from typing import Literal

from configs.ranges import Count, CountOrZero, NotNegative, Positive


@dataclasses.dataclass(frozen=True)
class Network:
    """Values of `alexnet_tf/cifar_network.py`; the defaults are 13pct's."""

    # conv_local: two convolutions, two locally connected layers, softmax;
    # conv: three convolutions, softmax (19pct and 80sec)
    kind: Literal["conv_local", "conv"] = "conv_local"
    kernels: tuple[Count, ...] = (64, 64, 32, 32)  # 5x5, 5x5, local 3x3, 3x3
    neurons: CountOrZero = 0  # of a layer below the softmax: 64 in 80sec
    lrn: bool = False  # 11pct: over 9 maps, behind pool1 and before pool2
    # Deviations of the initial weights, softmax last; (): LeCun's, which keep
    # the variance of the signal.
    weight_std: tuple[NotNegative, ...] = (1e-4, 0.01, 0.04, 0.04, 0.01)
    pixel_scale: Positive = 1.0  # 0..255 minus the mean is divided by it
    tanh: tuple[Positive, Positive] = (1.0, 1.0)  # a, b of a tanh(b x)
