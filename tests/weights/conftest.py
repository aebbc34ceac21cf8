"""Caffe's network, narrow, its weights, and the way into a run folder."""

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from configs import caffe
from modes import import_weights
from tests.weights import alexnet_files as files


@pytest.fixture(scope="session")
def caffe_weights():
    """Random weights, three classes, in Caffe's layout. Read only."""
    return files.random_weights(files.WIDTH, classes=3)


@pytest.fixture(scope="session")
def crops():
    """Crops with structure, uint8 [2, 227, 227, 3], RGB."""
    random = np.random.default_rng(3)
    tiles = random.integers(0, 256, (2, 8, 8, 3), np.uint8)
    noise = random.integers(0, 8, (2, 227, 227, 3), np.uint8)
    large = tiles.repeat(32, axis=1).repeat(32, axis=2)[:, :227, :227]
    return large // 2 + 64 + noise


@pytest.fixture
def options(tmp_path, image_folder):
    """Function from a weights file to the `Options` of its import."""

    def make(weights, **changes):
        config = caffe.get_config()
        config.model.width = files.WIDTH
        config.data.name = "folder"
        values = {
            "config": config,
            "config_given": True,
            "run": str(tmp_path / "run"),
            "weights": str(weights),
            "trust_pickle": True,
            "data_dir": str(image_folder),
        }
        return Options(**{**values, **changes})

    return make


@pytest.fixture
def imported(options):
    """Function from a weights file to the `TrainedNetwork` of its run."""

    def run_and_load(weights, **changes):
        asked = options(weights, **changes)
        assert import_weights.main(asked) == 0
        return load_trained(Run(asked.run))

    return run_and_load


@pytest.fixture
def refused(options, tmp_path):
    """Function that imports a file and returns the one line it gets."""

    def attempt(weights, **changes):
        asked = options(weights, **changes)
        before = sorted(tmp_path.iterdir())
        with pytest.raises(UserError) as caught:
            import_weights.main(asked)
        assert sorted(tmp_path.iterdir()) == before
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return attempt
