"""Outcomes for tests that want some `Outcome`."""

from alexnet_tf.evaluation.tables import Outcome

VALUES = {
    "run": "r",
    "dataset": "d",
    "split": "validation",
    "crops": 10,
    "samples": 1,
    "top1_error": 0.2,
    "top1_interval": (0.1, 0.3),
    "top5_error": 0.1,
    "top5_interval": (0.0, 0.2),
}


def made_up_outcome(**changes):
    """An `Outcome` with some of its values given."""
    return Outcome(**VALUES | changes)
