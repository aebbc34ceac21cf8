"""Runs of versions before a key of the config was there."""

import json

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.network import build_network
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from configs import original2012
from tests.signal_network import random_mean


def run_without(path, model_keys, **values):
    """A run of random weights whose stored config lacks keys of `model`."""
    config = original2012.get_config()
    config.model.width, config.model.num_classes = 1 / 16, 2
    config.model.update(values)
    network = build_network(config.model)
    network.get_layer("mean").set_mean(random_mean())
    run = Run(path)
    run.create(config)
    run.dataset_file.write_text(json.dumps({"class_names": ["a", "b"]}))
    network.save_weights(run.best_weights)
    stored = json.loads(run.config_file.read_text())
    for key in model_keys:
        del stored["model"][key]
    run.config_file.write_text(json.dumps(stored))
    return run, network


def test_dropout_was_inverted(tmp_path):
    """Nothing is scaled at test time, as it never was."""
    run, as_written = run_without(
        tmp_path / "run", ["dropout_kind"], dropout_kind="inverted"
    )
    assert run.read_config().model.dropout_kind == "inverted"
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3))
    images = images.astype(np.uint8)
    expected = as_written(images).numpy()
    assert np.ptp(expected, axis=1).max() > 0
    np.testing.assert_array_equal(
        load_trained(run).network(images).numpy(), expected
    )
    another, network = run_without(tmp_path / "another", [])
    assert another.read_config().model.dropout_kind == "paper"
    assert not np.array_equal(network(images), expected)


def test_a_divisor_at_test_time_stays(tmp_path):
    """Runs of original2012 that were tested with it."""
    run, _ = run_without(tmp_path / "run", [], input_divisor=1.1)
    network = load_trained(run).network
    assert network.get_layer("input_form").divisor == 1.1


def test_what_a_run_lacks_is_said_once_where_it_matters(tmp_path, capsys):
    run, _ = run_without(tmp_path / "run", [])
    stored = json.loads(run.config_file.read_text())
    del stored["train"]["lr"], stored["model"]["lrn"]["k"], stored["retrieval"]
    run.config_file.write_text(json.dumps(stored))
    load_trained(run)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{run.config_file} is of another version")
    assert line.endswith(": model.lrn.k (2.0)")
    run.say_what_config_lacks("data", "model", "train")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(": train.lr (0.01)")
    run.say_what_config_lacks("data", "model", "train")
    assert capsys.readouterr().err == ""


def test_a_renamed_key_is_named_and_not_replaced(tmp_path):
    run, _ = run_without(tmp_path / "run", [])
    stored = json.loads(run.config_file.read_text())
    stored["train"]["learning_rate"] = stored["train"].pop("lr")
    run.config_file.write_text(json.dumps(stored))
    with pytest.raises(UserError, match=r"train.learning_rate.*train\.lr\b"):
        run.read_config()


def test_null_is_one_line(tmp_path):
    run, _ = run_without(tmp_path / "run", [])
    run.config_file.write_text("null")
    with pytest.raises(UserError, match=r"config.json cannot be read: .*null"):
        run.read_config()
