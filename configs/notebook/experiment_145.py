"""Experiment 145: the network behind the paper's "1 CNN".

Another name for configs/original2012.py, whose docstring has its differences
from the paper's text, its schedule and what is not certain.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_145.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.66 % top-1 and 18.21 % top-5 error, log loss 1.7415,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs import original2012


def get_config() -> ConfigDict:
    """The values of original2012."""
    return original2012.get_config()
