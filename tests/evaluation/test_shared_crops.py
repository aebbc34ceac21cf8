"""Ten crops that share conv1, against ten separate crops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.evaluation.shared_crops import (
    SharedTenCrops,
    predictor,
    why_not_shared,
)
from alexnet_tf.evaluation.ten_crop import (
    centre_crop_probabilities,
    ten_crop_probabilities,
)
from alexnet_tf.layers.towers import placement
from alexnet_tf.network import build_network
from tests.signal_network import records, small_network

COLOUR = {"mean": "given", "mean_values": (150.3, 90.6, 60.0)}


@pytest.mark.parametrize(
    "options",
    [
        {},
        COLOUR,
        {"mean": "rgb", "pool_padding": "ceil"},
        {"lrn.scope": "layer", "without": ("conv2",)},
        {"towers": 1, "lrn.scope": "none", "activation": "tanh"},
        {
            "conv1_order": "lrn_pool_relu",
            **{"channel_order": "bgr", "input_divisor": 1.1, **COLOUR},
        },
        {"crop": 248, **COLOUR},  # pools begin at odd places: not shared
        {"crop": 256},
        {"pool_size": 2, **COLOUR},  # no pool touches the last place
        {"pool_size": 2, "pool_padding": "ceil"},
        {"width": 1 / 7, "kernels": (49, 64, 80, 96, 112)},
    ],
    ids=str,
)
def test_as_ten_separate_crops(options):
    trained = small_network(**{"width": 1 / 16, **options})
    images = tf.constant(records(2))
    expected = ten_crop_probabilities(trained.network, images, trained.crop)
    assert np.ptp(expected, axis=0).max() > 0.01
    assert not why_not_shared(trained.network, trained.crop)
    found = SharedTenCrops(trained.network, trained.crop)(images)
    assert found.dtype == tf.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_bfloat16_differs_by_its_rounding(small_model):
    networks = [
        build_network(small_model, precision=p) for p in ("float32", "bfloat16")
    ]
    for network in networks:
        network.get_layer("mean").set_mean(np.full((256, 256, 3), 120.0))
        for layer in network.layers:
            for kernel in getattr(layer, "kernels", ()):
                kernel.assign(kernel * 5)
    images = tf.constant(records(2))
    exact, separate = (
        ten_crop_probabilities(network, images, 224) for network in networks
    )
    shared = SharedTenCrops(networks[1], 224)(images)
    rounding = np.abs(separate - exact).max()
    assert 0 < np.abs(shared - exact).max() < 2 * rounding


def test_crops_that_cannot_share_are_taken_one_by_one(small_model):
    small_model.crop = 227
    network = build_network(small_model)
    assert why_not_shared(network, 227) == (
        "crops of 227x227 begin at 0, 14, 29, which are not all multiples of "
        "conv1's stride 4"
    )
    images = tf.constant(records(1))
    for crops, plain in (
        (1, centre_crop_probabilities),
        (10, ten_crop_probabilities),
    ):
        np.testing.assert_array_equal(
            predictor(network, 227, crops)(images), plain(network, images, 227)
        )


def test_networks_that_cannot_share(small_model):
    with placement(["/CPU:1", "/CPU:2"]):
        pinned = build_network(small_model)
    assert why_not_shared(pinned, 224) == "its towers are bound to devices"
    other = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.ReLU()])
    assert why_not_shared(other, 224) == "the network has no conv1"
