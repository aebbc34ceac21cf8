"""Runs with several workers."""

import numbers

import pytest

from tests.workers.processes import Training


@pytest.fixture(scope="session")
def arguments_for(options_for):
    """Function that returns the arguments of main.py for `options_for`."""

    def make(run, **changes):
        options = options_for(run, **changes)
        recipe = "configs/paper.py"
        values = flattened(options.config.to_dict())
        plain = flattened(paper_config().to_dict())
        return [
            "--mode=train",
            f"--config={recipe}",
            f"--run={run}",
            f"--data_dir={options.data_dir}",
            *(
                f"--config.{key}={value}"
                for key, value in values.items()
                if plain[key] != value and isinstance(value, numbers.Real | str)
            ),
        ]

    return make


@pytest.fixture
def start(tmp_path):
    """Function that starts a `Training`, which ends with the test."""
    trainings = []

    def begin(arguments, **how):
        log = tmp_path / f"log-{len(trainings)}"
        trainings.append(Training(arguments, log, **how))
        return trainings[-1]

    yield begin
    for training in trainings:
        with training:
            pass


def paper_config():
    from configs import paper

    return paper.get_config()


def flattened(section, prefix=""):
    """{"train.lr": 0.01, ...} of a config as dicts."""
    flat = {}
    for key, value in section.items():
        if isinstance(value, dict):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
