"""The recipes of the lab notebook of 2012."""

import importlib
import json
import math
import pathlib

import keras
import numpy as np
import pytest

from alexnet_tf.config import changed_values, check_config
from alexnet_tf.network import build_network
from alexnet_tf.options import Options
from alexnet_tf.training.optimizer import make_optimizer
from alexnet_tf.training.trainer import Trainer
from configs import original2012
from modes import inspect
from tests.training.narrow import fit

FOLDER = pathlib.Path(__file__).parents[1] / "configs" / "notebook"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.py"))
OF_145 = 60_965_224
PARAMETERS = {
    "145_half": 59_798_312,
    "146_2009": OF_145 + 590_080 + 4097 * 9184,
    "146_2011": 110_605_267,
    "146_2012": 61_555_304,
    # conv2 and fc6 are wider, conv3, fc6 and fc7 read half as much.
    "150": 60_699_680 + 14_728,
}


def recipe(name):
    return importlib.import_module(f"configs.notebook.{name}").get_config()


@pytest.mark.parametrize("name", RECIPES)
def test_parameters_follow_from_the_definition(name, monkeypatch):
    # Numbers are counted here, not looked at: zeros take no time.
    monkeypatch.setattr(
        keras.initializers.RandomNormal,
        "__call__",
        lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype),
    )
    config = recipe(name)
    check_config(config)
    network = build_network(config.model)
    shapes = [v.shape for v in network.trainable_variables]
    number = name.removeprefix("experiment_")
    assert sum(map(math.prod, shapes)) == PARAMETERS.get(number, OF_145)


@pytest.mark.parametrize("name", RECIPES)
def test_a_step(name):
    config = recipe(name)
    config.model.width, config.model.num_classes = 1 / 16, 10
    network = build_network(config.model)
    network.get_layer("mean").set_mean(np.full((256, 256, 3), 120.0))
    trainer = Trainer(network, make_optimizer(config.train))
    trainer.run_eagerly = True  # nothing to trace
    before = [v.numpy() for v in network.trainable_variables]
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (1, 4, 224, 224, 3), np.uint8)
    logs = fit(trainer, (images, random.integers(0, 10, (1, 4))))
    assert logs["loss"] == pytest.approx(math.log(10), abs=0.3)
    for variable, old in zip(network.trainable_variables, before, strict=True):
        assert np.isfinite(variable).all(), variable.path
        if "kernel" in variable.path:
            assert np.any(variable.numpy() != old), variable.path


@pytest.mark.parametrize("name", RECIPES)
def test_a_docstring_says_all(name):
    text = importlib.import_module(f"configs.notebook.{name}").__doc__
    assert f"--config=configs/notebook/{name}.py" in " ".join(text.split())
    assert "Result:" in text
    if name not in ("experiment_145", "experiment_145_2010"):
        for part in ("The change against", "Schedule:", "Not certain:"):
            assert part in text or "fine-tuning" in text, part


def test_original2012_is_145():
    for section in ("data", "model", "train"):
        assert not changed_values(
            section, recipe("experiment_145"), original2012.get_config()
        )


def test_the_difference_to_145(capsys):
    options = Options(
        config=recipe("experiment_150"),
        against=recipe("experiment_145"),
        config_given=True,
        json=True,
    )
    assert inspect.main(options) == 0
    changes = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {key for key in changes if key.startswith("model.")} == {
        *("model.exchange", "model.kernels", "model.units", "model.fc7_units")
    }


def test_the_command_line_takes_a_recipe_of_the_folder(tmp_path):
    import subprocess
    import sys

    command = [
        *(sys.executable, "main.py", "--mode=inspect", "--json"),
        "--config=configs/notebook/experiment_148.py",
        "--against=configs/notebook/experiment_145.py",
    ]
    done = subprocess.run(
        command, cwd=FOLDER.parents[1], capture_output=True, check=True
    )
    changes = json.loads(done.stdout.splitlines()[-1])
    assert changes["model.without"]["here"] == ["lrn1", "lrn2", "norm2"]
