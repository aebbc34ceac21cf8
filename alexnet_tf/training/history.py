"""What a run remembers of its epochs: history.csv, curves, events."""

import pathlib
import time
from typing import Any

import keras
import matplotlib.pyplot as plt
import tensorflow as tf
from matplotlib.axes import Axes

from alexnet_tf.evaluation.top_k import top5_means_something
from alexnet_tf.files.atomic import replacing
from alexnet_tf.files.figures import save_figure
from alexnet_tf.run.folder import Run
from alexnet_tf.run.progress import UPDATE_RATIO, write_rows

DRAWING_SECONDS = 10  # at least, from one drawing of the curves to the next


class History(keras.callbacks.Callback):
    """Writes history.csv after every epoch, and draws figures/curves.png.

    A drawing takes as long as an epoch of a small set: where epochs are that
    short, the figure follows them by up to `DRAWING_SECONDS`, also the first
    one, and shows all when training ends.

    Args:
        run: a `Run`.
        rows: list of one dict per completed epoch, which grows.
        epochs: number of epochs planned, for the printed line.
        classes: number of classes: of few, the top-5 error is not shown.
    """

    def __init__(
        self,
        run: Run,
        rows: list[dict[str, float]],
        epochs: int,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        self._run = run
        self._rows = rows
        self._epochs = epochs
        self._has_top5 = top5_means_something(classes)
        self._drawn_at = time.monotonic()
        self._is_drawn = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._rows.append({"epoch": epoch + 1, **logs})
        with (
            self._run.saving(),
            replacing(self._run.history_file) as temporary,
        ):
            write_rows(temporary, self._rows)
        self._is_drawn = False
        if time.monotonic() - self._drawn_at > DRAWING_SECONDS:
            self._draw()
        line = summary(self._rows[-1], self._epochs, self._has_top5)
        print(line, flush=True)

    def on_train_end(self, logs: Any = None) -> None:
        if not self._is_drawn:
            self._draw()

    def _draw(self) -> None:
        with self._run.saving():
            figure = self._run.figures_folder / "curves.png"
            draw_curves(self._rows, figure, self._has_top5)
        self._drawn_at = time.monotonic()
        self._is_drawn = True


def summary(row: dict[str, float], epochs: int, has_top5: bool = True) -> str:
    """One line about an epoch, perhaps with its top-5 error."""
    top5 = (
        f"top-5 error {row['top5_error']:.3f}, "
        f"validation {row['val_top5_error']:.3f}; "
    )
    return (
        f"epoch {row['epoch']}/{epochs}: "
        f"loss {row['loss']:.3f}, validation {row['val_loss']:.3f}; "
        f"top-1 error {row['top1_error']:.3f}, "
        f"validation {row['val_top1_error']:.3f}; "
        f"{top5 if has_top5 else ''}"
        f"lr {row['learning_rate']:g}, "
        f"{row['images_per_second']:.0f} images/s"
    )


def draw_curves(
    rows: list[dict[str, float]], path: pathlib.Path, has_top5: bool = True
) -> None:
    """Loss, errors, learning rate and update ratios over the epochs.

    Args:
        rows: one dict per epoch, as in history.csv.
        path: of the PNG file.
        has_top5: whether the top-5 error is drawn.
    """
    figure, axes = plt.subplots(2, 2, figsize=(11, 8))
    # A layout that fits all texts is twice the work of drawing them.
    figure.subplots_adjust(
        left=0.085,
        right=0.985,
        bottom=0.065,
        top=0.985,
        wspace=0.22,
        hspace=0.16,
    )
    loss, error, rate, update = axes.flat
    epochs = [row["epoch"] for row in rows]

    def line(axis: Axes, key: str, label: str, **style: Any) -> None:
        values = [row[key] for row in rows]
        axis.plot(epochs, values, marker=".", label=label, **style)

    line(loss, "loss", "training", color="C0")
    line(loss, "val_loss", "validation, centre crop", color="C1")
    loss.set_ylabel("loss")
    errors = (("top1", "-"), ("top5", "--"))
    for key, style in errors[: 2 if has_top5 else 1]:
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
    # The rate is drawn as constant within an epoch: a slope would show rates
    # that never were.
    line(rate, "learning_rate", "lr", color="C2", drawstyle="steps-mid")
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


class Events(keras.callbacks.Callback):
    """Writes an epoch's logs, on the disk before the state is saved.

    Validation goes to `validation/`, all else to `train/`. Keras' own callback
    keeps up to two minutes of events in memory, which a killed run loses.

    Args:
        run: a `Run`.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._writers = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with self._run.saving():
            try:
                self._write(epoch, logs)
            except tf.errors.OpError as error:
                # The message is "FILE; REASON", then what could not be done in
                # consequence.
                reason = error.message.splitlines()[0].rpartition("; ")[2]
                raise OSError(reason) from None

    def _write(self, epoch: int, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            split = "validation" if name.startswith("val_") else "train"
            with self._writer(split).as_default():
                tf.summary.scalar(
                    f"epoch_{name.removeprefix('val_')}", value, epoch
                )
        for writer in self._writers.values():
            writer.flush()

    def _writer(self, split: str) -> tf.summary.SummaryWriter:
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(
                str(self._run.events_folder / split)
            )
        return self._writers[split]
