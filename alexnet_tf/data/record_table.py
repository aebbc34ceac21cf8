"""Where each record lies in its file: so a whole split can be shuffled."""

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.terminal.progress import ProgressReport

AT_ONCE = 256
# This stands for the id of a record that cannot be read; it fails when it is
# used.
UNREADABLE = 2**62


def places_in_files(
    files: list[tuple[pathlib.Path, int]],
    offsets_of: Callable[[pathlib.Path, int], list[int | None]],
) -> dict[str, np.ndarray]:
    """The first byte of every record, file after file.

    Args:
        files: [(path, number of records in it)].
        offsets_of: (path, number) -> the first byte of each record; None
            stands for what cannot be found.

    Returns:
        {"file": paths, "offset": int64, "bytes": int64, size of the file}, a
        row a record. What cannot be found is said to begin at the end.
    """
    names, offsets, sizes = [], [], []
    for path, count in files:
        size = path.stat().st_size if path.is_file() else 0
        found = offsets_of(path, count) if size else [None] * count
        names += [str(path)] * count
        offsets += [size if offset is None else offset for offset in found]
        sizes += [size] * count
    return {
        "file": np.array(names, object),
        "offset": np.array(offsets, np.int64),
        "bytes": np.array(sizes, np.int64),
    }


def table_of(
    places: dict[str, np.ndarray],
    read: Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]],
    title: str,
) -> dict[str, np.ndarray | dict[str, np.ndarray]]:
    """The table of a `Split`, ids and labels read in one pass.

    Args:
        places: see `places_in_files`.
        read: from a row of it to the example there.
        title: of the progress report.
    """
    count = len(places["offset"])
    ids = UNREADABLE + np.arange(count, dtype=np.int64)
    labels = np.zeros(count, np.int64)

    def number_id_and_label(
        number: tf.Tensor, place: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        example = read(place)
        return number, example["id"], example["label"]

    batches = (
        tf.data.Dataset.from_tensor_slices(places)
        .enumerate()
        .map(number_id_and_label, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors(log_warning=False)
        .batch(AT_ONCE)
        .with_options(untuned())
    )
    with ProgressReport(title, count) as progress:
        for numbers, found_ids, found_labels in batches.as_numpy_iterator():
            ids[numbers], labels[numbers] = found_ids, found_labels
            progress.advance(len(numbers))
    return {"id": ids, "image": places, "label": labels}
