"""history.csv and the learning curves."""

import csv

import keras

from alexnet_tf.files import readable, replacing
from alexnet_tf.training.curves import draw_curves


class History(keras.callbacks.Callback):
    """Writes history.csv and figures/curves.png after every epoch.

    Args:
        run: a `Run`.
        rows: list of one dict per completed epoch, which grows.
        epochs: number of epochs planned, for the printed line.
    """

    def __init__(self, run, rows, epochs):
        super().__init__()
        self._run = run
        self._rows = rows
        self._epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self._rows.append({"epoch": epoch + 1, **logs})
        with self._run.saving():
            with replacing(self._run.history_file) as temporary:
                write_rows(temporary, self._rows)
            draw_curves(self._rows, self._run.figures_folder / "curves.png")
        print(summary(self._rows[-1], self._epochs), flush=True)


def write_rows(path, rows):
    """Writes dicts with the same keys as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[-1]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path):
    """What `write_rows` wrote, all values as floats.

    Raises:
        UserError: the file is damaged.
    """
    with readable(path), open(path, newline="") as file:
        keys, *rows = csv.reader(file)
        return [dict(zip(keys, map(float, row), strict=True)) for row in rows]


def summary(row, epochs):
    """One line about an epoch."""
    return (
        f"epoch {row['epoch']}/{epochs}: "
        f"loss {row['loss']:.3f}, validation {row['val_loss']:.3f}; "
        f"top-1 error {row['top1_error']:.3f}, "
        f"validation {row['val_top1_error']:.3f}; "
        f"top-5 error {row['top5_error']:.3f}, "
        f"validation {row['val_top5_error']:.3f}; "
        f"lr {row['learning_rate']:g}, "
        f"{row['images_per_second']:.0f} images/s"
    )
