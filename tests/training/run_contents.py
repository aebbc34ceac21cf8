"""What a run has written, for comparison with another."""

import csv
import json

import h5py
import numpy as np
import tensorflow as tf

from alexnet_tf.run.folder import Run

SPEED = "images_per_second"  # the one number that may differ


def newest_state(run):
    """Folder of the newest state of a run folder."""
    return max((run / "state").iterdir())


def weights(file):
    """All arrays of a weights file, by their paths."""
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(file) as content:
        content.visititems(collect)
    return arrays


def state_weights(run):
    """All arrays of the newest state of a run folder."""
    return weights(newest_state(run) / "trainer.weights.h5")


def history(run):
    """The rows of history.csv, without the speed."""
    with open(run / "history.csv") as file:
        return [without_speed(row) for row in csv.DictReader(file)]


def without_speed(row):
    return {name: value for name, value in row.items() if name != SPEED}


def events(run):
    """{(split, tag, step, value)} of all that TensorBoard would show."""
    found = set()
    for split in ("train", "validation"):
        for file in (run / "events" / split).iterdir():
            try:
                for record in tf.data.TFRecordDataset(str(file)):
                    event = tf.compat.v1.Event.FromString(record.numpy())
                    for value in event.summary.value:
                        number = float(tf.make_ndarray(value.tensor))
                        found.add((split, value.tag, event.step, number))
            except tf.errors.DataLossError:
                pass  # the writer was killed in the middle of an event
    return {event for event in found if not event[1].endswith(SPEED)}


def rest_of_state(run):
    """state.json of the newest state, without the speeds."""
    state = json.loads((newest_state(run) / "state.json").read_text())
    state["rows"] = [without_speed(row) for row in state["rows"]]
    return state


def evaluation(run):
    """evaluation.json without the run's name and the time."""
    content = json.loads(Run(run).evaluation_file.read_text())
    return {
        key: value
        for key, value in content.items()
        if key not in ("run", "time")
    }


def assert_same_weights(ours, theirs):
    """Bit for bit."""
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def assert_same_run(run, other):
    """That two run folders hold the same, bit for bit, speeds excepted."""
    assert newest_state(run).name == newest_state(other).name
    assert_same_weights(state_weights(run), state_weights(other))
    assert_same_weights(
        *(weights(Run(path).best_weights) for path in (run, other))
    )
    for part in (rest_of_state, history, events, evaluation):
        ours, theirs = part(run), part(other)
        assert ours == theirs, f"{part.__name__}: {ours} and {theirs}"
