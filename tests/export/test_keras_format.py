"""The `.keras` file, in Keras alone, against the network."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.run.trained import TrainedNetwork
from export.keras_format import write_keras
from export.keras_graph import network_of_standard_layers
from tests.signal_network import (
    CLASSES,
    network_with_signal,
    records,
    small_network,
)


@pytest.fixture(scope="module")
def trained():
    return small_network(width=1 / 16)


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    """The network as a `.keras` file. Read only."""
    return write_keras(tmp_path_factory.mktemp("keras"), trained)


def test_a_file_answers_as_the_network_does(trained, file):
    with zipfile.ZipFile(file) as archive:
        # Nothing that Keras would have to be told of.
        assert b"alexnet_tf" not in archive.read("config.json")
        names = archive.read("labels.txt").decode()
    assert names == "".join(f"{name}\n" for name in CLASSES)
    images = records(2)
    expected = ten_crop_probabilities(
        trained.network, tf.constant(images), trained.crop
    )
    model = keras.models.load_model(file)
    np.testing.assert_allclose(model(images), expected, rtol=0, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01


def test_dropout_in_training_is_the_networks(file):
    network = keras.models.load_model(file).get_layer("alexnet")
    assert network.get_layer("lrn1_sums_0").trainable is False
    x = np.ones((1, 1000), np.float32)
    dropped = network.get_layer("drop6_0")(x, training=True)
    assert set(np.unique(network.get_layer("drop6_0_scale")(dropped))) == {0, 1}


@pytest.mark.parametrize(
    "options",
    [
        {
            **{"lrn.scope": "layer", "conv1_order": "lrn_pool_relu"},
            **{"channel_order": "bgr", "input_divisor": 1.1, "mean": "rgb"},
        },
        {"towers": 1, "lrn.scope": "none", "dropout_kind": "inverted"},
        {"crop": 227, "split_softmax": True, "exchange": ("conv3", "fc8")},
    ],
    ids=str,
)
def test_logits_of_every_option(options):
    network = network_with_signal(
        **{"width": 1 / 16, "num_classes": len(CLASSES), **options}
    )
    crop = network.input_shape[1]
    crops = records(3)[:, :crop, :crop]
    expected = network(crops).numpy()
    np.testing.assert_allclose(
        network_of_standard_layers(network, crop)(crops),
        expected,
        rtol=0,
        atol=1e-5 * np.abs(expected).max(),
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"pool_padding": "ceil", "pool_size": 2}, "model.pool_padding=ceil"),
        ({"same_map_norm.size": 5}, "norm2, TowerSameMapNorm"),
        ({"exchange_precision": "float16"}, "exchange_precision=float16"),
    ],
)
def test_what_it_cannot_carry_is_named(options, named, tmp_path):
    network = network_with_signal(width=1 / 16, **options)
    trained = TrainedNetwork(network, 224, CLASSES)
    with pytest.raises(UserError, match=f"cannot carry .*{named}.*: use --for"):
        write_keras(tmp_path, trained)
    assert not any(tmp_path.iterdir())
