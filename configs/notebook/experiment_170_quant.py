"""Experiment 170-quant: what crosses between towers as 16-bit floats.

The change against 170: activations that one tower reads of the other, and
their gradients on the way back, are rounded to float16.

Schedule: that of 170.

Not certain: how the 2012 code rounded; here to the nearest. Its gradients were
sums over the batch; ours, which are means, cross multiplied by its size.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_170_quant.py --data_dir=DIR
Hardware: no run yet.
Result:   its log: 40.52 % top-1 and 18.42 % top-5 error, log loss 1.7498,
          ILSVRC-2012 validation, ten crops. This program has not been run on
          ImageNet.
"""

from ml_collections import ConfigDict

from configs.notebook import experiment_170


def get_config() -> ConfigDict:
    """170 with rounding between the towers."""
    config = experiment_170.get_config()
    config.model.exchange_precision = "float16"
    return config
