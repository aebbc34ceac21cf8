"""Experiment 145-2010: 145 on ILSVRC-2010, the paper's first table.

Another name for configs/ilsvrc2010.py, which has the schedule and what is not
certain.

Command:  python main.py --mode=train
          --config=configs/notebook/experiment_145_2010.py --data_dir=DIR
Hardware: no run yet.
Result:   its log, test set: 37.47 % top-1 and 17.00 % top-5 error, log loss
          1.6147, with ten crops; 39.02 %, 18.30 % and 1.7060 with the centre
          crop. This program has not been run on these images.
"""

from ml_collections import ConfigDict

from configs import ilsvrc2010


def get_config() -> ConfigDict:
    """The values of ilsvrc2010."""
    return ilsvrc2010.get_config()
