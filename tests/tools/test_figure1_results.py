"""What is said of figure 1 follows from the stored trainings."""

import json

import pytest
from ml_collections import ConfigDict

from alexnet_tf.analysis.relu_against_tanh import (
    ACTIVATIONS,
    Trials,
    best_curves,
    read_epochs,
    summary,
)
from alexnet_tf.config import check_values
from configs.figure1 import Recipe
from tools.reproduction import RESULTS, read_measurement

FOLDERS = sorted((RESULTS / "figure1").iterdir())


def config_of(folder):
    return ConfigDict(json.loads((folder / "config.json").read_text()))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_stored_trainings_are_of_the_recipe_and_ended(folder):
    config = config_of(folder)
    check_values(config, Recipe)
    files = sorted((folder / "trials").iterdir())
    assert files
    for file in files:
        name, rest = file.stem.split("-", 1)
        lr, seed = rest.rsplit("-", 1)
        assert name in ACTIVATIONS
        assert 0 <= int(seed) < config.seeds
        assert 0 < float(lr) < 1
        errors = [epoch.error for epoch in read_epochs(file)]
        # It goes on until the target is reached, or is given up.
        assert all(error > config.target_error for error in errors[:-1])
        assert len(errors) <= config.most_epochs


@pytest.mark.parametrize(
    "folder",
    [f for f in FOLDERS if (RESULTS / f"figure1_{f.name}.json").is_file()],
    ids=lambda folder: folder.name,
)
def test_the_claim_is_what_the_stored_trainings_give(folder):
    config = config_of(folder)
    trials = Trials(
        folder=folder / "trials",
        config=config,
        images=(),  # a training that is not stored could not begin
        labels=(),
        classes=10,
    )
    curves = {name: best_curves(trials, config, name) for name in ACTIVATIONS}
    found = summary(curves, config)
    [claim] = read_measurement(RESULTS / f"figure1_{folder.name}.json").claims
    assert claim.ours == pytest.approx(found["ratio"], abs=0.005)
    assert claim.interval == pytest.approx(found["interval"], abs=0.005)
    for name, (lr, runs) in curves.items():
        assert len(runs) == config.seeds == 3
        # It lies between two worse ones.
        for neighbour in (lr * config.lr_factor, lr / config.lr_factor):
            trial = f"{name}-{neighbour:.3g}-0.json"
            assert (folder / "trials" / trial).is_file()
