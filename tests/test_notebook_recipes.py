"""The recipes of the lab notebook of 2012."""

import dataclasses
import importlib
import json
import math
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import pytest

from alexnet_tf.config import check_config
from alexnet_tf.network import build_network
from alexnet_tf.options import Options
from alexnet_tf.training.optimizer import make_optimizer
from alexnet_tf.training.schedule import make_lr_drops, make_schedule
from alexnet_tf.training.trainer import Trainer
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


def by_hand(*epochs):
    """{epoch: the rate from it on} of drops by ten."""
    return {epoch: 0.01 / 10**drop for drop, epoch in enumerate((0, *epochs))}


def in_steps(r, factor, levels):
    """The notebook's "dexp", over 95 epochs; with the next whole epoch."""
    return {
        math.ceil(95 * level / levels): r
        ** (1 + p * (math.log(r / factor) / math.log(r) - 1))
        for level, p in enumerate(np.linspace(0, 1, levels))
    }


def with_conv1(others, own):
    """The rates of conv1, which has its own in the end, and of the others."""
    before = {e: lr for e, lr in others.items() if e < min(own)}
    return {"others": others, "conv1": before | own}


def until(epoch):
    """Lighting up to that epoch."""
    return range(epoch, epoch + 1)


@dataclasses.dataclass
class Notes:
    """What the notebook of 2012 says of an experiment.

    Attributes:
        epochs: its end, in whole epochs.
        rates: {layer: {epoch: rate from it on}}; None: it is not said.
        biases: {epoch: rate from it on}.
        lighting: numbers of epochs that it may be on; (): it is not said.
        errors: top-1 and top-5 in %, and the log loss where it is said.
    """

    epochs: int
    rates: dict
    biases: dict = dataclasses.field(default_factory=lambda: {0: 0.02, 1: None})
    lighting: Sequence = ()
    errors: str = ""


ABOUT_73 = {72: None, 75: 0}  # conv1, "frozen at about 73"
BIASES = in_steps(0.02, 10, 2)
OF_2009 = {x: {0: 0.01, 2: 0.001} for x in ("conv6", "fc6", "fc7", "fc8")}
OF_2011 = {x: {0: 0.01, 6: 0.001} for x in ("fc6", "fc7", "bottleneck", "fc8")}
OF_170 = with_conv1(in_steps(0.01, 250, 4), ABOUT_73)
START = with_conv1({0: 0.01, 1: None}, ABOUT_73)
NOTEBOOK = {
    "145": Notes(
        91,
        with_conv1(by_hand(25, 51, 79), {67: 1e-5, 72: 0}),
        {0: 0.02},
        until(67),
        "40.66 18.21 1.7415",
    ),
    "145_2010": Notes(
        93,
        with_conv1(by_hand(23, 51, 78), {68: 1e-5, 72: 0}),
        lighting=until(68),
        errors="37.47 17.00 1.6147",
    ),
    "145_half": Notes(
        96,
        with_conv1({**by_hand(20, 48), 49: None}, {66: 1e-5, 72: 0}),
        errors="39.17 18.23 1.7028",
    ),
    "146_2009": Notes(7, {"others": {0: 0.001}, **OF_2009}),  # 6.65, and 2.16
    "146_2011": Notes(8, {"others": {0: 0.001}, **OF_2011}),  # 8.11
    "146_2012": Notes(
        54,
        {
            "others": {0: 0.001, 22: 1e-4, 42: 1e-5},
            "conv1": {0: 1e-4, 5: 1e-5, 7: 0},
            "fc8": {0: 0.01, 9: 0.001, 22: 1e-4, 42: 1e-5},
        },
        lighting=until(38),
        errors="38.99 16.62 1.6332",
    ),
    "147": Notes(
        90,
        with_conv1(by_hand(23, 51, 79), {79: 0}),
        errors="41.06 18.51 1.7576",
    ),
    "148": Notes(
        97,
        with_conv1(by_hand(22, 44, 86), {69: 1e-5, 73: 0}),
        errors="42.03 19.36 1.8224",
    ),
    "150": Notes(
        92,
        with_conv1(by_hand(25, 49, 79), {66: 1e-5, 72: 0}),
        errors="41.83 19.33",
    ),
    "166": Notes(95, START, lighting=range(60, 69), errors="41.10 18.67"),
    "167": Notes(95, START, lighting=range(60, 69), errors="40.49 18.12"),
    "169": Notes(
        95,
        with_conv1(in_steps(0.01, 500, 4), ABOUT_73),
        BIASES,
        range(60, 69),
        "40.60 18.11",
    ),
    "170": Notes(95, OF_170, BIASES, range(60, 69), "40.53 18.05"),
    "170_quant": Notes(95, OF_170, BIASES, range(60, 69), "40.52 18.42"),
    "171": Notes(
        95,
        with_conv1(in_steps(0.01, 500, 5), ABOUT_73),
        BIASES,
        range(60, 69),
        "40.42 18.14",
    ),
    "174": Notes(
        95,
        with_conv1({0: 0.01, 1: None, 94: 2e-5}, ABOUT_73),
        lighting=range(60, 69),
        errors="40.44 18.04",
    ),
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
    text = str(importlib.import_module(f"configs.notebook.{name}").__doc__)
    text, _, result = " ".join(text.split()).partition("Result: ")
    assert f"--config=configs/notebook/{name}.py" in text
    if name not in ("experiment_145", "experiment_145_2010"):
        for part in ("The change against", "Schedule:", "Not certain:"):
            assert part in text, part
    expected = "none in the log."
    if errors := NOTEBOOK[name.removeprefix("experiment_")].errors:
        top1, top5, *loss = errors.split()
        expected = f"{top1} % top-1 and {top5} % top-5 error"
        expected += "".join(f", log loss {number}" for number in loss)
    assert expected in result


@pytest.mark.parametrize("name", RECIPES)
def test_rates_and_lighting_are_those_of_the_notebook(name):
    notes = NOTEBOOK[name.removeprefix("experiment_")]
    train = recipe(name).train
    assert train.epochs == notes.epochs
    optimizer, lighting = make_optimizer(train), Lighting()
    callbacks = [make_lr_drops(train), make_schedule(train)]
    for callback in callbacks:
        callback.set_model(Model(optimizer, lighting))
    lit = []
    for epoch in range(train.epochs):
        for callback in callbacks:
            callback.on_epoch_begin(epoch)
        lit.append(lighting.is_on)
        for layer in ("conv1", "conv5", "conv6", "fc7", "bottleneck", "fc8"):
            kernels, biases = optimizer.rates(layer, optimizer.learning_rate)
            rates = notes.rates.get(layer, notes.rates["others"])
            if (lr := at(epoch, rates)) is not None:
                assert float(kernels) == pytest.approx(lr), (epoch, layer)
                assert optimizer.is_frozen(layer) == (lr == 0), (epoch, layer)
            lr = at(epoch, notes.biases)
            if lr is not None and not optimizer.is_frozen(layer):
                assert float(biases) == pytest.approx(lr), (epoch, layer)
        for callback in callbacks:
            callback.on_epoch_end(epoch)
    if notes.lighting:
        assert sum(lit) in notes.lighting
        assert lit == sorted(lit, reverse=True)  # off for good


class Lighting:
    """What the schedule knows of the layer."""

    is_on = True

    def switch(self, on):
        self.is_on = on


class Model:
    """What the callbacks know of a trainer."""

    def __init__(self, optimizer, lighting):
        self.optimizer = optimizer
        self.network = self
        self.get_layer = {"lighting": lighting}.get


def at(epoch, rates):
    """The rate of an epoch; None where the notebook does not say it."""
    return rates[max(start for start in rates if start <= epoch)]


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


@pytest.mark.slow
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
