"""Figures as PNG files, with any text in them."""

import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from alexnet_tf.files.atomic import replacing

DPI = 110


def save_figure(figure, path):
    """Writes a matplotlib figure as PNG and closes it."""
    with replacing(path) as temporary, warnings.catch_warnings():
        # The font lacks some scripts; boxes stand for their letters.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(temporary, dpi=DPI)
    plt.close(figure)


def literal(text):
    """`text` for matplotlib, which takes what is between dollars for math."""
    return str(text).replace("$", r"\$")
