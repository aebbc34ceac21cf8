"""Grad-CAM against finite differences of a network's upper part in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.analysis.grad_cam import GradCam, enlarged
from alexnet_tf.layers.towers import is_pinned, placement
from alexnet_tf.network import build_network

STEP = 1e-6  # of the differences; float64 leaves ten digits of them
UNIT = 2.0**-24  # largest relative error of a float32 operation
CLASSES = np.array([3, 7])


def network_of(model, **options):
    model.update_from_flattened_dict(options)
    for name in model.weight_std:
        model.weight_std[name] = 0.01 if name == "conv1" else 0.05
    return build_network(model, trainable=False)


def in_float64(network):
    """Lets what lies above the maps compute in float64."""
    for name in ("fc6", "drop6", "fc7", "drop7", "fc8"):
        layer = network.get_layer(name)
        layer.dtype_policy = keras.DTypePolicy("float64")


def images(grey=False):
    """Two of eight by eight tiles."""
    random = np.random.default_rng(1)
    tiles = random.integers(0, 256, (2, 8, 8, 1 if grey else 3), np.uint8)
    large = tiles.repeat(28, axis=1).repeat(28, axis=2)
    return np.broadcast_to(large, (2, 224, 224, 3))


def maps_of(network, layer, crops):
    """float64 [B, H, W, K]: what a layer makes of crops, towers joined."""
    outputs = network.get_layer(layer).tower_outputs
    towers = keras.Model(network.input, outputs)(crops, training=False)
    towers = towers if isinstance(towers, list) else [towers]
    return np.concatenate(towers, axis=-1).astype(np.float64)


class UpperPart:
    """From the maps of the last convolution to the logits, in NumPy.

    Args:
        network: whose fully connected layers see both towers.
        pools: whether pool5 lies between.
    """

    def __init__(self, network, pools):
        self.pools = pools
        self.layers = [
            [
                np.concatenate([v.numpy() for v in variables], axis=-1)
                for variables in (layer.kernels, layer.biases)
            ]
            for layer in map(network.get_layer, ("fc6", "fc7", "fc8"))
        ]

    def __call__(self, maps):
        """Logits, and which units of fc6 and fc7 are on, of maps [H, W, K]."""
        x, on = self._pooled(maps).ravel(), []
        for number, (kernel, bias) in enumerate(self.layers):
            x = x @ kernel.astype(np.float64) + bias
            if number < 2:
                on.append(x > 0)
                x = 0.5 * np.maximum(x, 0)  # dropout as in the paper
        return x, on

    def _pooled(self, maps):
        if not self.pools:
            return maps
        windows = np.lib.stride_tricks.sliding_window_view(
            maps, (3, 3), axis=(0, 1)
        )
        return windows[::2, ::2].max(axis=(-2, -1))

    def mean_gradients(self, maps, label):
        """[K]: mean over the places of the logit's gradient.

        All of a map is moved by a step, so no pool chooses another place.
        """
        found = []
        for k in range(maps.shape[-1]):
            step = np.zeros(maps.shape[-1])
            step[k] = STEP
            ahead, behind = (self(maps + s)[0][label] for s in (step, -step))
            places = maps.shape[0] * maps.shape[1]
            found.append((ahead - behind) / (2 * STEP * places))
        return np.array(found)

    def largest_error(self, maps, label):
        """[K]: how far the mean may be off where it is taken in float32.

        Of n numbers it is off by at most n units of the sum of their absolute
        values, over n. Besides, each is rounded to float32, and at most four
        pools have chosen the same place.
        """
        kernels = [kernel.astype(np.float64) for kernel, _ in self.layers]
        to_fc6, to_fc7 = self(maps)[1]
        x = kernels[1] @ (0.5 * to_fc7 * kernels[2][:, label])
        x = kernels[0] @ (0.5 * to_fc6 * x)
        sums = np.abs(x.reshape(-1, maps.shape[-1])).sum(axis=0)
        places = maps.shape[0] * maps.shape[1]
        return (places + 5) * UNIT * sums / places


@pytest.mark.parametrize(
    ("options", "layer", "side", "grey"),
    [
        ({}, "conv5", 13, False),
        ({}, "conv5", 13, True),
        ({"towers": 1}, "conv5", 13, False),
        ({"conv6": 256}, "conv6", 6, False),
        ({"without": ("conv5",)}, "conv4", 13, False),
        ({"split_softmax": True}, "conv5", 13, False),
    ],
)
def test_maps_weighted_by_their_mean_gradients(
    small_model, options, layer, side, grey
):
    network = network_of(small_model, **options)
    in_float64(network)
    cam, crops = GradCam(network), images(grey)
    assert (cam.layer, cam.side) == (layer, side)
    found = cam(crops, CLASSES).numpy()
    assert found.shape == (2, side, side)
    upper = UpperPart(network, pools=layer != "conv6")
    for ours, maps, label in zip(
        found, maps_of(network, layer, crops), CLASSES, strict=True
    ):
        weights = upper.mean_gradients(maps, label)
        wanted = np.maximum(maps @ weights, 0)
        # The last sum is over the maps.
        added = (maps.shape[-1] + 1) * UNIT
        bound = maps @ (upper.largest_error(maps, label) + added * abs(weights))
        assert wanted.max() > 100 * bound.max()
        assert (np.abs(ours - wanted) <= bound).all()


def test_a_class_without_evidence_has_an_empty_map(small_model):
    network = network_of(small_model)
    for kernel in network.get_layer("fc8").kernels:
        kernel.assign(tf.zeros_like(kernel))
    assert not GradCam(network)(images(), CLASSES).numpy().any()


def test_an_image_does_not_depend_on_those_beside_it(small_model):
    cam = GradCam(network_of(small_model))
    crops = images()
    both = cam(crops, CLASSES).numpy()
    alone = [cam(crops[i : i + 1], CLASSES[i : i + 1])[0] for i in (0, 1)]
    np.testing.assert_allclose(both, alone, rtol=0, atol=1e-5 * both.max())
    assert np.abs(both[0] - both[1]).max() > 0.1 * both.max()


def test_towers_on_two_devices_give_the_same_maps(small_model):
    wanted = GradCam(network_of(small_model))(images(), CLASSES).numpy()
    with placement(("/CPU:1", "/CPU:2")):
        pinned = network_of(small_model)
    assert is_pinned(pinned)
    found = GradCam(pinned)(images(), CLASSES)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * wanted.max())


def test_it_is_the_same_in_a_graph_of_any_batch(small_model):
    cam = GradCam(network_of(small_model))
    crops = tf.TensorSpec([None, 224, 224, 3], tf.uint8)
    classes = tf.TensorSpec([None], tf.int64)
    graph = tf.function(cam, input_signature=[crops, classes])
    wanted = cam(images(), CLASSES).numpy()
    for count in (1, 2):
        found = graph(images()[:count], CLASSES[:count])
        np.testing.assert_allclose(
            found, wanted[:count], rtol=0, atol=1e-5 * wanted.max()
        )


def test_low_precision_finds_the_same_places(small_model):
    small_model.weight_std.fc8 = 0.1
    crops = images()
    exact = GradCam(network_of(small_model))(crops, CLASSES).numpy()
    network = build_network(small_model, precision="bfloat16", trainable=False)
    rounded = GradCam(network)(crops, CLASSES).numpy()
    assert rounded.dtype == np.float32
    for one, other in zip(exact, rounded, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_a_map_is_laid_over_the_whole_crop():
    maps = np.zeros((1, 13, 13), np.float32)
    maps[0, 2, 10] = 1
    large = enlarged(maps, 224).numpy()
    assert large.shape == (1, 224, 224)
    row, column = np.unravel_index(large[0].argmax(), (224, 224))
    # The centre of the third row and the eleventh column of thirteen.
    assert abs(row + 0.5 - 224 * 2.5 / 13) <= 1
    assert abs(column + 0.5 - 224 * 10.5 / 13) <= 1
