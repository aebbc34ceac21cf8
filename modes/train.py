"""--mode=train: from images to a trained network in a run folder."""

from alexnet_tf.options import Options
from modes.beginning import begin
from modes.training import train


def main(options: Options) -> int:
    """Trains, or continues, a run; see `modes.training.train`."""
    return train(options, begin, options.watch)
