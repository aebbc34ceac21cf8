"""layers-19pct: three convolutions, 19 % without translations or mirrors.

The second and third pool take means. A decay of 3 on the softmax layer, and
its lr of 0.001, take 3 parts in 1,000 of its weights at each step.

Not certain: how many epochs; here 120, and 10 after each of two drops.

Command:  python -m benchmarks.cifar --config=configs/cifar/layers_19pct.py
          --data_dir=DIR
Hardware: no run yet.
Result:   2012: 19 % test error. This program has not trained it to its end.
"""

from ml_collections import ConfigDict

from configs.cifar.network import Network
from configs.cifar.recipe import recipe


def get_config() -> ConfigDict:
    """Three convolutions on whole images."""
    return recipe(
        network=Network(
            kind="conv",
            kernels=(32, 32, 64),
            weight_std=(1e-4, 0.01, 0.01, 0.01),
        ),
        decays=(0.004, 0.004, 0.004, 3.0),
        crop=0,
        epochs=120,
    )
