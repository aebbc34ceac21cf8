"""The learning curves of a run as a picture."""

import matplotlib.pyplot as plt

from alexnet_tf.figures import save_figure
from alexnet_tf.training.epoch_report import UPDATE_RATIO


def draw_curves(rows, path):
    """Loss, errors, learning rate and update ratios over the epochs.

    Args:
        rows: one dict per epoch, as in history.csv.
        path: of the PNG file.
    """
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    loss, error, rate, update = axes.flat
    epochs = [row["epoch"] for row in rows]

    def line(axis, key, label, **style):
        values = [row[key] for row in rows]
        axis.plot(epochs, values, marker=".", label=label, **style)

    line(loss, "loss", "training", color="C0")
    line(loss, "val_loss", "validation, centre crop", color="C1")
    loss.set_ylabel("loss")
    for key, style in (("top1", "-"), ("top5", "--")):
        name = key.replace("top", "top-")
        line(error, f"{key}_error", f"{name}, training", color="C0", ls=style)
        line(
            error,
            f"val_{key}_error",
            f"{name}, validation",
            color="C1",
            ls=style,
        )
    error.set_ylabel("error")
    error.set_ylim(0, 1)
    line(rate, "learning_rate", "lr", color="C2")
    rate.set_yscale("log")
    rate.set_ylabel("learning rate")
    for key in rows[-1]:
        if key.startswith(UPDATE_RATIO):
            line(update, key, key.removeprefix(f"{UPDATE_RATIO}/"))
    update.set_yscale("log")
    update.set_ylabel("update / weight")
    for axis in axes.flat:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    save_figure(figure, path)
