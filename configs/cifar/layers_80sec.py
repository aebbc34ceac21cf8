"""layers-80sec: 19pct with a layer of 64 neurons, 26 % in 80 seconds of 2011.

Not certain: how many epochs follow the drop after 8; here 2.

Command:  python -m benchmarks.cifar --config=configs/cifar/layers_80sec.py
          --data_dir=DIR
Hardware: no run yet.
Result:   2012: 26 % test error. This program has not trained it to its end.
"""

from ml_collections import ConfigDict

from configs.cifar.network import Network
from configs.cifar.recipe import recipe


def get_config() -> ConfigDict:
    """Three convolutions and a fully connected layer on whole images."""
    return recipe(
        network=Network(
            kind="conv",
            kernels=(32, 32, 64),
            neurons=64,
            weight_std=(1e-4, 0.01, 0.01, 0.1, 0.1),
        ),
        decays=(0.004, 0.004, 0.004, 0.03, 0.03),
        crop=0,
        epochs=8,
        drops=1,
        epochs_after_drop=2,
    )
