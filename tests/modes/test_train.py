"""Training runs from start to end, interrupted, resumed and refused."""

import csv
import json
import os
import re
import shutil
import signal

import h5py
import keras
import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.modes import train
from alexnet_tf.training import trainer as trainer_module


def weights(run, folder="state"):
    """All arrays of the weights file in a folder of a run, by path."""
    [file] = (run / folder).glob("*.weights.h5")
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(file) as content:
        content.visititems(collect)
    return arrays


def history(run):
    """The rows of history.csv."""
    with open(run / "history.csv") as file:
        return list(csv.DictReader(file))


def assert_same_weights(run, other):
    ours, theirs = weights(run), weights(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


class SignalAt(keras.callbacks.Callback):
    """Sends a signal to this process after some steps."""

    def __init__(self, number, steps):
        super().__init__()
        self.number, self.left = number, steps

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


@pytest.fixture
def interrupt_fit(monkeypatch):
    """Function that makes the next `fit` receive a signal after N steps."""

    def arrange(number, steps):
        original = trainer_module.Trainer.fit

        def fit(self, *args, callbacks, **kwargs):
            monkeypatch.setattr(trainer_module.Trainer, "fit", original)
            callbacks = [SignalAt(number, steps), *callbacks]
            return original(self, *args, callbacks=callbacks, **kwargs)

        monkeypatch.setattr(trainer_module.Trainer, "fit", fit)

    return arrange


def test_a_run_learns_and_writes_everything(finished_run):
    rows = history(finished_run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["loss"]) < 0.9 * np.log(3)
    assert float(rows[-1]["learning_rate"]) == pytest.approx(0.005)
    assert 0 < float(rows[-1]["update_ratio/conv1"]) < 1
    evaluation = json.loads((finished_run / "evaluation.json").read_text())
    assert evaluation["samples"] == 18
    assert evaluation["crops"] == 10
    assert evaluation["top1_error"] == 0
    for name in (
        "config.json",
        "statistics.npz",
        "confusion.csv",
        "per_class.csv",
        "figures/curves.png",
        "figures/confusion.png",
    ):
        assert (finished_run / name).stat().st_size > 0, name
    assert list(finished_run.glob("events/*/events*"))


def test_every_value_used_is_written(finished_run):
    config = json.loads((finished_run / "config.json").read_text())
    assert config["model"]["num_classes"] == 3  # asked of the data
    assert config["train"]["momentum"] == 0.9


@pytest.mark.parametrize(
    ("number", "steps", "code"),
    [
        (signal.SIGINT, 6, 130),  # an epoch has 6 steps: its end
        (signal.SIGINT, 8, 130),
        (signal.SIGTERM, 8, 0),
    ],
)
def test_an_interrupted_run_goes_on_as_if_never_stopped(
    tmp_path,
    options_for,
    finished_run,
    interrupt_fit,
    capsys,
    number,
    steps,
    code,
):
    run = tmp_path / "run"
    interrupt_fit(number, steps)
    assert train.main(options_for(run)) == code
    assert not (run / "evaluation.json").exists()
    assert f"--mode=train --run={run}" in capsys.readouterr().out
    assert train.main(options_for(run)) == 0
    assert_same_weights(run, finished_run)
    for row, expected in zip(history(run), history(finished_run), strict=True):
        del row["images_per_second"], expected["images_per_second"]
        assert row == expected


def test_more_epochs_continue_a_finished_run(
    tmp_path, options_for, finished_run
):
    run = tmp_path / "run"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    longer = options_for(run)
    longer.overrides = {"train.epochs": 3}
    assert train.main(longer) == 0
    assert_same_weights(run, finished_run)


def test_another_network_is_refused(tmp_path, options_for):
    run = tmp_path / "run"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    wider = options_for(run, **{"model.width": 1 / 8})
    wider.config_given = True
    with pytest.raises(UserError, match=r"model.width is 0.0625 there"):
        train.main(wider)


def test_weights_of_another_network_are_refused(tmp_path, options_for):
    run, other = tmp_path / "run", tmp_path / "other"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    narrow = {"train.epochs": 1, "model.width": 1 / 32}
    assert train.main(options_for(other, **narrow)) == 0
    (other / "state" / "trainer.weights.h5").replace(
        run / "state" / "trainer.weights.h5"
    )
    with pytest.raises(UserError, match="does not hold the weights"):
        train.main(options_for(run))


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(
    tmp_path, options_for, capsys
):
    run = tmp_path / "run"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    good = weights(run)
    exploding = options_for(run)
    exploding.overrides = {"train.epochs": 2, "train.lr": 1e30}
    capsys.readouterr()
    assert train.main(exploding) == 1
    message = capsys.readouterr().err
    assert "the loss is not finite in epoch" in message
    assert re.search("first to go was the (weights|output) of conv", message)
    for name, array in weights(run).items():
        np.testing.assert_array_equal(array, good[name], err_msg=name)


def test_a_flat_loss_is_reported_with_its_cause(tmp_path, options_for, capsys):
    changes = {
        f"model.weight_std.{layer}": 1e-6
        for layer in ("conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    }
    changes |= {"train.lr": 1e-6, "train.flat_loss_steps": 10}
    assert train.main(options_for(tmp_path / "run", **changes)) == 0
    message = capsys.readouterr().err
    assert message.count("flat loss: 1.099 over the last 10 steps") == 1
    assert "fc7 hardly depends on the image" in message
    assert "weight_std" in message


def test_changed_images_are_refused_on_resume(
    tmp_path, options_for, image_folder
):
    run = tmp_path / "run"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    statistics = run / "statistics.npz"
    with np.load(statistics) as arrays:
        fields = {**arrays, "fingerprint": "of other images"}
    np.savez(statistics, **fields)
    with pytest.raises(UserError, match="measured on other data"):
        train.main(options_for(run))


def test_an_unwritable_run_folder_is_one_clear_line(tmp_path, options_for):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"run folder .* cannot be written"):
        train.main(options_for(tmp_path / "file" / "run"))


def test_a_wrong_number_of_classes_names_the_right_one(tmp_path, options_for):
    with pytest.raises(UserError, match="set it to 3"):
        train.main(options_for(tmp_path / "run", **{"model.num_classes": 5}))
    assert not (tmp_path / "run").exists()


def test_a_broken_training_image_is_skipped_counted_and_named(
    tmp_path, options_for, own_images, capsys
):
    broken = own_images / "train" / "green" / "05.png"
    broken.write_bytes(broken.read_bytes()[:200])
    options = options_for(tmp_path / "run", **{"train.epochs": 1})
    options.data_dir = str(own_images)
    assert train.main(options) == 0
    output = capsys.readouterr().out
    assert "skipped 1 of 72 images" in output
    assert str(broken) in output


def test_pinned_towers_train_to_the_same_losses(
    tmp_path, options_for, finished_run
):
    options = options_for(tmp_path / "run", **{"train.epochs": 1})
    options.tower_devices = "CPU:1,CPU:2"
    assert train.main(options) == 0
    [pinned] = history(tmp_path / "run")
    unpinned = history(finished_run)[0]
    for key in ("loss", "val_loss", "top1_error"):
        assert float(pinned[key]) == pytest.approx(
            float(unpinned[key]), rel=1e-5
        )


def test_a_refused_resume_leaves_the_run_as_it_was(
    tmp_path, options_for, finished_run, other_classes
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    dataset = (run / "dataset.json").read_text()
    options = options_for(run)
    options.data_dir = str(other_classes)
    with pytest.raises(UserError, match=r"trained on .* red, .* scarlet"):
        train.main(options)
    assert (run / "dataset.json").read_text() == dataset


def test_a_refused_new_run_leaves_no_folder(tmp_path, options_for, own_images):
    for image in own_images.glob("train/*/*.png"):
        image.write_bytes(b"no image")
    options = options_for(tmp_path / "run")
    options.data_dir = str(own_images)
    with pytest.raises(UserError, match="not one training image"):
        train.main(options)
    assert not (tmp_path / "run").exists()


def test_a_run_that_ended_at_a_plateau_stays_ended(
    tmp_path, options_for, capsys
):
    run = tmp_path / "run"
    changes = {
        "train.epochs": 9,
        "train.lr_drops": 0,
        "train.patience": 1,
        "train.min_improvement": 1.0,  # nothing improves that much
    }
    assert train.main(options_for(run, **changes)) == 0
    ended = history(run)
    assert len(ended) < 9
    assert train.main(options_for(run)) == 0
    assert history(run) == ended


@pytest.mark.parametrize(
    "file",
    ["config.json", "dataset.json", "statistics.npz", "state/state.json"],
)
def test_a_damaged_file_is_named(tmp_path, options_for, finished_run, file):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    (run / file).write_bytes((run / file).read_bytes()[:20])
    with pytest.raises(UserError, match=f"{file} cannot be read"):
        train.main(options_for(run))


def test_ctrl_c_outside_of_training_says_how_to_continue(
    tmp_path, options_for, monkeypatch, capsys
):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "evaluate_and_report", interrupt)
    run = tmp_path / "run"
    options = options_for(run, **{"train.epochs": 1})
    assert train.main(options) == 130
    assert f"--mode=train --run={run}" in capsys.readouterr().out
