"""conv-local-13pct: the 13 % of section 3.3, without normalization.

Command:  python -m benchmarks.cifar --config=configs/cifar/conv_local_13pct.py
          --data_dir=DIR
Hardware: no run yet.
Result:   2012: 13 % test error. This program has not trained it to its end.
"""

from ml_collections import ConfigDict

from configs.cifar.recipe import recipe


def get_config() -> ConfigDict:
    """The defaults."""
    return recipe()
