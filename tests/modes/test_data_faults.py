"""Data that are damaged or vanish in the middle of training."""

import csv
import dataclasses
import functools
import os
import shutil
import signal

import keras
import pytest
import tensorflow as tf

from alexnet_tf.data.damage import read_damaged
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError
from alexnet_tf.training import trainer as trainer_module
from modes import train
from tests.slow import slow
from tests.training.run_contents import (
    assert_same_run,
    assert_same_weights,
    history,
    state_weights,
)

STEPS = 6  # of an epoch: 72 images in batches of 12
SHARD = 16


@pytest.fixture(scope="module")
def prepared_once(request, image_folder, tmp_path_factory):
    """A set of 72 and 18 records, in five and two shards; JPEG or as asked."""
    name = getattr(request, "param", "jpeg")
    folder = tmp_path_factory.mktemp("prepared") / name
    with pytest.MonkeyPatch.context() as patch:
        small = dataclasses.replace(FORMATS[name], shard_size=SHARD)
        patch.setitem(FORMATS, name, small)
        patch.setattr("alexnet_tf.data.statistics.BATCH", SHARD)
        patch.setattr("alexnet_tf.data.prepared.encoding.BATCH", SHARD)
        patch.setattr("alexnet_tf.data.prepared.writer.BATCH", SHARD)
        prepare(load_folder(image_folder), folder, name)
    return folder


@pytest.fixture
def prepared(prepared_once, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(prepared_once, tmp_path / "prepared")


@pytest.fixture
def quick(options_for, prepared):
    """Function that makes `Options` of a quick run on the prepared set."""

    def make(run, **changes):
        options = options_for(
            run,
            **{
                "data.name": "prepared",
                "data.cache_gb": 0.0,
                "data.shuffle_buffer": 4,
                "data.max_damaged": 0.5,
                "model.crop": 64,
                "model.width": 1 / 32,
                "train.epochs": 2,
                **changes,
            },
        )
        options.data_dir = str(prepared)
        return options

    return make


class DoFirst(keras.callbacks.Callback):
    """Calls functions when the first calls of `fit` begin, one each.

    Later would be too late for some: small sets are read far ahead.
    """

    def __init__(self, *actions):
        super().__init__()
        self.actions = list(actions)

    def on_train_begin(self, logs=None):
        if self.actions:
            self.actions.pop(0)()


class CountSteps(keras.callbacks.Callback):
    """Calls a function when the first `fit` begins, and counts its steps."""

    def __init__(self, action):
        super().__init__()
        self.action, self.fits, self.before_error = action, 0, 0

    def on_train_begin(self, logs=None):
        self.fits += 1
        if self.fits == 1:
            self.action()

    def on_train_batch_end(self, batch, logs=None):
        self.before_error += self.fits == 1


class SignalAt(keras.callbacks.Callback):
    """Sends this process SIGTERM after so many steps."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def during_fit(patch, callback):
    """Adds a callback to all calls of `fit`."""
    original = trainer_module.Trainer.fit

    def fit(self, *args, callbacks, **kwargs):
        callbacks = [callback, *callbacks]
        return original(self, *args, callbacks=callbacks, **kwargs)

    patch.setattr(trainer_module.Trainer, "fit", fit)


def shard(folder, split, number):
    return sorted(folder.glob(f"{split}-*"))[number]


def cut(file, share=0.5):
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])


def flip(file, place):
    """Changes a bit without changing the file's size."""
    with open(file, "r+b") as opened:
        opened.seek(place)
        [octet] = opened.read(1)
        opened.seek(place)
        opened.write(bytes([octet ^ 0x10]))


def rows_of(run):
    with open(run / "damaged.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "prepared_once", [slow("raw"), slow("jpeg")], indirect=True
)
def test_training_goes_on_without_what_is_damaged(
    prepared, quick, tmp_path, monkeypatch, capsys
):
    """One fault after the other in one run; each is found when it matters."""
    is_jpeg = shard(prepared, "train", 0).suffix == ".tfrecord"
    first, second = (shard(prepared, "train", n) for n in (0, 1))
    validation = shard(prepared, "validation", 0)
    faults = [second.unlink, lambda: cut(validation)]
    if is_jpeg:
        faults.insert(1, lambda: flip(first, first.stat().st_size // 2))
    during_fit(monkeypatch, DoFirst(*faults))
    run = tmp_path / "run"
    assert train.main(quick(run, **{"train.epochs": 3})) == 0
    rows = rows_of(run)
    lost = [r for r in rows if str(second) in r["name"]]
    assert len(lost) == SHARD
    assert {r["reason"] for r in lost} == {"No such file or directory"}
    flipped = [r for r in rows if str(first) in r["name"]]
    assert len(flipped) == is_jpeg
    short = [r for r in rows if r["split"] == "validation"]
    assert SHARD // 2 <= len(short) <= SHARD // 2 + 1
    assert len(rows) == len(lost) + len(flipped) + len(short)
    output = capsys.readouterr().out
    assert f"{SHARD} images are damaged or gone" in output
    assert f"{second} record 1 (No such file or directory)" in output
    assert [row["epoch"] for row in history(run)] == ["1", "2", "3"]


@pytest.mark.slow
def test_going_on_is_as_exact_as_a_resumed_run(
    prepared, quick, tmp_path, monkeypatch
):
    """Bit for bit, with dropout, lighting and random crops."""
    # 64 at once would be nearly all.
    monkeypatch.setattr("alexnet_tf.data.prepared.format.PARSED_AT_ONCE", 4)
    damaged = shard(prepared, "train", 0)
    sound = damaged.read_bytes()
    steps = CountSteps(lambda: flip(damaged, int(0.7 * len(sound))))
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    with monkeypatch.context() as patch:
        during_fit(patch, steps)
        assert train.main(quick(straight)) == 0
    assert len(rows_of(straight)) == 1
    assert 0 < steps.before_error < STEPS
    # The same in two runs, of which the first sees no damage.
    damaged.write_bytes(sound)
    with monkeypatch.context() as patch:
        during_fit(patch, SignalAt(steps.before_error))
        assert train.main(quick(resumed)) == 0
    shutil.copy(straight / "damaged.csv", resumed)
    assert train.main(quick(resumed)) == 0
    assert_same_weights(state_weights(straight), state_weights(resumed))
    assert history(straight) == history(resumed)


@pytest.mark.parametrize(
    ("split", "goes_on"),
    [("train", False), slow("train", True), slow("validation", True)],
)
def test_too_much_damage_stops_with_everything_saved(
    prepared, quick, tmp_path, monkeypatch, split, goes_on
):
    few = {"data.max_damaged": 0.02, "train.epochs": 1}
    unharmed, run = tmp_path / "unharmed", tmp_path / "run"
    lost, aside = shard(prepared, split, 1), tmp_path / "aside"
    with monkeypatch.context() as patch:
        during_fit(patch, DoFirst(functools.partial(lost.rename, aside)))
        with pytest.raises(UserError) as stopped:
            train.main(quick(run, **few))
    message = str(stopped.value)
    assert "\n" not in message
    assert "--config.data.max_damaged=0.02" in message
    assert str(lost) in message
    assert f"--mode=train --run={run}" in message
    assert not (run / "damaged.csv").exists()
    assert state_weights(run)
    if not goes_on:
        return
    aside.rename(lost)
    assert train.main(quick(unharmed, **few)) == 0
    assert train.main(quick(run, **few)) == 0
    assert_same_run(run, unharmed)


def test_an_error_that_no_damage_explains_keeps_its_traceback(
    quick, tmp_path, monkeypatch
):
    class Unexplained(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise tf.errors.DataLossError(None, None, "out of the blue")

    during_fit(monkeypatch, Unexplained())
    with pytest.raises(tf.errors.DataLossError, match="out of the blue"):
        train.main(quick(tmp_path / "run"))


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.slow
def test_a_folder_goes_on_without_lost_images(
    own_images, options_for, tmp_path, monkeypatch, capsys, is_resumed
):
    gone = own_images / "train" / "green" / "05.png"
    broken = own_images / "train" / "red" / "00.png"
    unseen = own_images / "val" / "blue" / "01.png"

    before = load_folder(own_images).fingerprint

    def damage():
        gone.unlink()
        cut(broken)
        cut(unseen)

    def options(epochs):
        made = options_for(
            tmp_path / "run",
            **{
                "data.cache_gb": 0.0,
                "data.max_damaged": 0.05,
                "model.crop": 64,
                "model.width": 1 / 32,
                "train.epochs": epochs,
            },
        )
        made.data_dir = str(own_images)
        return made

    during_fit(monkeypatch, DoFirst(damage))
    assert train.main(options(1)) == 0
    rows = rows_of(tmp_path / "run")
    names = {row["name"] for row in rows}
    assert names == {str(gone), str(broken), str(unseen)}
    assert "17 images, ten crops" in capsys.readouterr().out
    # With their names and sizes it is the folder that it was.
    lost = [
        damaged for _, damaged in read_damaged(tmp_path / "run/damaged.csv")
    ]
    assert load_folder(own_images, lost).fingerprint == before
    if not is_resumed:
        return
    longer = options(1)
    longer.overrides = {"train.epochs": 2}
    assert train.main(longer) == 0
    assert rows_of(tmp_path / "run") == rows
    assert len(history(tmp_path / "run")) == 2
