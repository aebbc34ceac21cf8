"""Figures as PNG files, with any text in them."""

import pathlib
import warnings

import matplotlib
from matplotlib.figure import Figure

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from alexnet_tf.files.atomic import replacing

DPI = 110


def save_figure(figure: Figure, path: pathlib.Path) -> None:
    """Writes a matplotlib figure as PNG and closes it."""
    with replacing(path) as temporary, warnings.catch_warnings():
        # The font lacks some scripts; boxes stand for their letters.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(temporary, dpi=DPI)
    plt.close(figure)


def literal(text: object) -> str:
    """`text` for matplotlib, which takes what is between dollars for math."""
    return str(text).replace("$", r"\$")
