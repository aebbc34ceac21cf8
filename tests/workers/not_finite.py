"""main.py, where the fourth step of worker 1 is not finite.

NOT_FINITE=loss or gradients says what.
"""

import json
import os
import sys

from absl import app

import main


def spoil(what):
    """Makes it NaN in the step after three updates."""
    import tensorflow as tf

    from alexnet_tf.training.trainer import Trainer

    original = Trainer._forward_and_backward

    def forward_and_backward(self, images, labels, first, total):
        loss, gradients, *rest = original(self, images, labels, first, total)
        bad = tf.where(self.optimizer.iterations.value == 3, float("nan"), 0.0)
        if what == "loss":
            loss += bad
        else:
            gradients = [gradient + bad for gradient in gradients]
        return loss, gradients, *rest

    Trainer._forward_and_backward = forward_and_backward


if __name__ == "__main__":
    if "TF_CONFIG" in os.environ:
        if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
            spoil(os.environ["NOT_FINITE"])
    else:  # the launcher, whose workers are to run this file
        sys.argv[0] = os.path.abspath(__file__)
        os.environ["PYTHONPATH"] = os.getcwd()
    app.run(main.run_main, flags_parser=main.parse_flags)
