"""The picture of figure 1."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from alexnet_tf.files import replacing

STYLE = {"relu": ("ReLU", "C0", "-"), "tanh": ("tanh", "C3", "--")}


def draw_figure1(path, curves, target):
    """Training error over the epochs, a line for each seed.

    Args:
        path: of the PNG file.
        curves: {"relu" or "tanh": (lr, [errors of each seed])}.
        target: error that was to be reached, a fraction.
    """
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, (lr, runs) in curves.items():
        label, color, style = STYLE[name]
        for number, errors in enumerate(runs):
            axis.plot(
                range(1, len(errors) + 1),
                errors,
                color=color,
                ls=style,
                label=f"{label}, lr {lr:.3g}" if number == 0 else None,
            )
    axis.axhline(target, color="grey", lw=0.8)
    axis.set_xlabel("epochs")
    axis.set_ylabel("training error")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
