"""Caffe's network, narrow, and its weights files."""

import numpy as np
import pytest

from tests.weights import alexnet_files as files

WIDTH, CLASSES = 1 / 8, 20


@pytest.fixture
def caffe_config():
    """The recipe of Caffe's network at 1/8 of its width."""
    from configs import caffe

    config = caffe.get_config()
    config.model.width = WIDTH
    config.model.num_classes = CLASSES
    return config


@pytest.fixture(scope="session")
def caffe_weights():
    """Random weights of that network, in Caffe's layout. Read only."""
    return files.random_weights(WIDTH, CLASSES)


@pytest.fixture(scope="session")
def crops():
    """Crops with structure, uint8 [2, 227, 227, 3], RGB."""
    random = np.random.default_rng(3)
    tiles = random.integers(0, 256, (2, 8, 8, 3), np.uint8)
    noise = random.integers(0, 8, (2, 227, 227, 3), np.uint8)
    large = tiles.repeat(32, axis=1).repeat(32, axis=2)[:, :227, :227]
    return large // 2 + 64 + noise
