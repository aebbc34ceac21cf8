"""conv-local-11pct: the 11 % of section 3.3, with LRN.

The change against 13pct: LRN over 9 maps behind the first pool and before the
second, 64 kernels at each place of the first locally connected layer, a decay
of 0.01 on the last layer.

Not certain: the released files have it in several versions, which differ in
where LRN stands, over how many maps, and in these kernels.

Command:  python -m benchmarks.cifar --config=configs/cifar/conv_local_11pct.py
          --data_dir=DIR
Hardware: no run yet.
Result:   2012: 11 % test error. This program has not trained it to its end.
"""

from ml_collections import ConfigDict

from configs.cifar.network import Network
from configs.cifar.recipe import recipe


def get_config() -> ConfigDict:
    """13pct with LRN."""
    return recipe(
        network=Network(lrn=True, kernels=(64, 64, 64, 32)),
        decays=(0.0, 0.0, 0.004, 0.004, 0.01),
    )
