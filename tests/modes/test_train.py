"""Training runs from start to end, and refused ones."""

import json
import re
import shutil

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.training.history import summary
from alexnet_tf.training.state import StateKeeper
from modes import train, training
from tests.modes.conftest import stop_before_the_first_step
from tests.training.run_contents import (
    assert_same_weights,
    history,
    state_weights,
    weights,
)


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


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(
    tmp_path, options_for, finished_run, capsys
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    good = state_weights(run)
    exploding = options_for(run)
    exploding.overrides = {"train.epochs": 4, "train.lr": 1e30}
    assert train.main(exploding) == 1
    message = capsys.readouterr().err
    assert "the loss is not finite in epoch" in message
    assert re.search("first to go was the (weights|output) of conv", message)
    assert_same_weights(state_weights(run), good)


# Quick: test_nan_that_a_relu_swallows_is_seen_before_a_save.
@pytest.mark.slow
def test_an_epoch_that_ends_with_nan_is_not_saved(
    tmp_path, options_for, capsys
):
    """Its one step is good, and what it makes of the weights is not."""
    run = tmp_path / "run"
    one_step = {"data.limit": 12, "train.epochs": 1}
    assert train.main(options_for(run, **one_step)) == 0
    good, row = state_weights(run), history(run)
    best = weights(run / "best" / "network.weights.h5")
    exploding = options_for(run, **one_step)
    exploding.overrides = {"train.epochs": 2, "train.lr": 1e38}
    capsys.readouterr()
    assert train.main(exploding) == 1
    message = capsys.readouterr().err
    assert re.search(
        "the (validation loss|weights of .*) (is|are) not finite in", message
    )
    assert f"--mode=train --run={run} --config.train.lr=1e+37" in message
    assert f"the best weights in {run / 'best'}." in message
    assert_same_weights(state_weights(run), good)
    assert_same_weights(weights(run / "best" / "network.weights.h5"), best)
    assert history(run) == row


def test_weights_of_no_class_are_refused_before_an_image_is_read(
    tmp_path, options_for, monkeypatch
):
    def read(*arguments):
        raise AssertionError("images are read")

    monkeypatch.setattr(training, "open_records", read)
    changes = {
        "train.class_weights": "given",
        "train.class_weight_values": (("rot", 2.0),),
    }
    with pytest.raises(UserError, match="rot, which is no class: they are bl"):
        train.main(options_for(tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_nan_that_a_relu_swallows_is_seen_before_a_save(
    tmp_path, options_for, capsys, monkeypatch
):
    original = StateKeeper.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            [bias, _] = self.model.network.get_layer("fc6").biases
            bias.assign(np.where(np.arange(bias.shape[0]) == 3, np.nan, bias))
        original(self, batch, logs)

    monkeypatch.setattr(StateKeeper, "on_train_batch_end", on_train_batch_end)
    run = tmp_path / "run"
    changes = {
        "train.save_every_steps": 1,
        "train.lr_multipliers": (("fc8", 2.0),),
        "train.class_weights": "given",
        "train.class_weight_values": (("red", 3.0),),
    }
    assert train.main(options_for(run, **changes)) == 1
    message = capsys.readouterr().err
    assert "the weights of fc6 are not finite in epoch 1, step 4" in message
    # No epoch has ended, so there are none.
    assert f"The last good state is in {run / 'state'}. Go on" in message
    assert "best weights" not in message
    for besides in (
        "lr_multipliers=\"(('fc8', 2",
        "weight_values=\"(('red', 3",
    ):
        assert besides in message
    names = sorted(path.name for path in (run / "state").iterdir())
    assert names == ["000-000001", "000-000002"]


@pytest.mark.slow
def test_a_new_run_looks_at_its_images(
    tmp_path, options_for, monkeypatch, capsys
):
    stop_before_the_first_step(monkeypatch)
    for _ in range(2):
        train.main(options_for(tmp_path / "run"))
    told = capsys.readouterr().out
    # The second time the run goes on.
    [look] = re.findall("a short look at the images: .*", told)
    assert "24 training images in each class" in look
    assert "main.py --mode=check --config.data.name=folder --data_dir=" in told
    assert told.count("made for the embedded images: --config=configs/ph") == 1
    assert told.count("with 24 training images a class, under 500, fine-") == 1


# Quick: test_a_run_says_how_many_updates_it_will_have.
@pytest.mark.slow
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


def test_an_unwritable_run_folder_is_one_clear_line(tmp_path, options_for):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"run folder .* cannot be written"):
        train.main(options_for(tmp_path / "file" / "run"))


def test_a_wrong_number_of_classes_names_the_right_one(tmp_path, options_for):
    with pytest.raises(UserError, match="set it to 3"):
        train.main(options_for(tmp_path / "run", **{"model.num_classes": 5}))
    assert not (tmp_path / "run").exists()


# Quick: tests/data/test_statistics.py on all but the command.
@pytest.mark.slow
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


@pytest.mark.slow
def test_pinned_towers_train_to_the_same_losses(
    tmp_path, options_for, finished_run, capsys
):
    """And what crosses between their devices is told."""
    options = options_for(tmp_path / "run", **{"train.epochs": 1})
    options.tower_devices = "CPU:1,CPU:2"
    assert train.main(options) == 0
    [pinned] = history(tmp_path / "run")
    unpinned = history(finished_run)[0]
    for key in ("loss", "val_loss", "top1_error"):
        assert float(pinned[key]) == pytest.approx(
            float(unpinned[key]), rel=1e-5
        )
    output = capsys.readouterr().out
    assert output.count("placement of a training step of 12 images:") == 1
    # Images in bytes, 12 x 150,528 of them, the mean image in float32, and
    # little else.
    assert "CPU:0 sends 2.41 MB to CPU:2" in output


def test_a_refused_new_run_leaves_no_folder(tmp_path, options_for, own_images):
    for image in own_images.glob("train/*/*.png"):
        image.write_bytes(b"no image")
    options = options_for(tmp_path / "run")
    options.data_dir = str(own_images)
    with pytest.raises(UserError, match="not one training image"):
        train.main(options)
    assert not (tmp_path / "run").exists()


def test_of_three_classes_no_top5_error_is_shown(finished_run):
    """Five guesses always hit."""
    for name in ("results.md", "results.csv"):
        text = (finished_run / name).read_text()
        assert "top-1" in text
        assert "top-5" not in text
    row = {
        key: 0.5
        for split in ("", "val_")
        for key in (f"{split}loss", f"{split}top1_error", f"{split}top5_error")
    } | {"epoch": 1, "learning_rate": 0.1, "images_per_second": 9.0}
    assert "top-5" in summary(row, 3)
    assert "top-5" not in summary(row, 3, has_top5=False)
    assert "top-1 error 0.500, validation 0.500; lr 0.1" in summary(
        row, 3, has_top5=False
    )


@pytest.mark.slow
def test_a_run_says_how_many_updates_it_will_have(
    tmp_path, options_for, capsys
):
    changes = {"train.epochs": 2, "train.flat_loss_steps": 400}
    changes |= {
        f"model.weight_std.{layer}": 1e-6
        for layer in ("conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    }
    changes["train.lr"] = 1e-6
    assert train.main(options_for(tmp_path / "run", **changes)) == 0
    output = capsys.readouterr()
    # 72 images in batches of 12
    assert "2 epochs of 6 updates, 12 in all, in batches of 12;" in output.out
    assert "top-5" not in output.out
    # The alarm does not wait for 400 steps that never come.
    assert output.err.count("flat loss: 1.099 over the last 10 steps") == 1
    assert "fc7 hardly depends on the image" in output.err
    assert "weight_std" in output.err
