"""The network's sizes, options and saved form."""

import itertools
import json
import math
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.analysis.layer_table import layer_table
from alexnet_tf.layers.towers import placement
from alexnet_tf.network import WEIGHTED_LAYERS, build_network
from alexnet_tf.training.diagnosis import layer_outputs

# Of the paper's network with 1000 classes: weights, biases and neurons.
WEIGHTS = {
    "conv1": 34_848,
    "conv2": 307_200,
    "conv3": 884_736,
    "conv4": 663_552,
    "conv5": 442_368,
    "fc6": 37_748_736,
    "fc7": 16_777_216,
    "fc8": 4_096_000,
}
BIASES = {
    **{"conv1": 96, "conv2": 256, "conv3": 384, "conv4": 384, "conv5": 256},
    **{"fc6": 4096, "fc7": 4096, "fc8": 1000},
}
NEURONS = {
    **{"conv1": 290_400, "conv2": 186_624, "conv3": 64_896, "conv4": 64_896},
    **{"conv5": 43_264, "fc6": 4096, "fc7": 4096, "fc8": 1000},
}
# Figure 2, one tower.
TOWER_SHAPES = {
    "conv1": (55, 55, 48),
    "lrn1": (55, 55, 48),
    "pool1": (27, 27, 48),
    "conv2": (27, 27, 128),
    "lrn2": (27, 27, 128),
    "pool2": (13, 13, 128),
    "conv3": (13, 13, 192),
    "conv4": (13, 13, 192),
    "conv5": (13, 13, 128),
    "pool5": (6, 6, 128),
    "fc6": (2048,),
    "drop6": (2048,),
    "fc7": (2048,),
    "drop7": (2048,),
}
EXCHANGES = {"conv3", "fc6", "fc7", "fc8"}


@pytest.fixture(scope="module")
def paper_network():
    """The network of configs/paper.py. Read only."""
    from configs import paper

    return build_network(paper.get_config().model)


def trainable_shapes(network):
    return [tuple(v.shape) for v in network.trainable_variables]


def kernels(network):
    """The kernel of every layer and tower, by (layer, tower)."""
    return {
        (name, tower): kernel.numpy()
        for name in WEIGHTED_LAYERS
        for tower, kernel in enumerate(network.get_layer(name).kernels)
    }


def run_to(network, *names, images, **kwargs):
    """Outputs of some layers, towers joined."""
    outputs = {name: network.get_layer(name).tower_outputs for name in names}
    results = keras.Model(network.input, outputs)(images, **kwargs)
    return [np.concatenate(results[name], axis=-1) for name in names]


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (3, 224, 224, 3), np.uint8)


def test_trainable_parameters(paper_network):
    for name in WEIGHTED_LAYERS:
        layer = paper_network.get_layer(name)
        counts = [
            sum(math.prod(v.shape) for v in variables)
            for variables in (layer.kernels, layer.biases)
        ]
        assert counts == [WEIGHTS[name], BIASES[name]], name
    total = sum(map(math.prod, trainable_shapes(paper_network)))
    assert total == 60_965_224
    assert total - sum(WEIGHTS.values()) == 10_568


def test_layer_table_counts_parameters_neurons_and_macs(paper_network):
    rows = layer_table(paper_network)
    for name in WEIGHTED_LAYERS:
        own = [row for row in rows if row.layer == name]
        assert sum(row.neurons for row in own) == NEURONS[name], name
        parameters = WEIGHTS[name] + BIASES[name]
        assert sum(row.parameters for row in own) == parameters, name
    assert sum(row.neurons for row in rows) == 659_272
    assert sum(row.parameters for row in rows) == 60_965_224
    assert sum(row.macs for row in rows) == 724_406_816


def test_layer_table_names_towers_and_exchanges(paper_network):
    rows = layer_table(paper_network)
    shapes = {(r.layer, r.tower): r.output_shape for r in rows}
    assert shapes == {
        ("mean", None): (224, 224, 3),
        ("lighting", None): (224, 224, 3),
        **{(n, t): s for n, s in TOWER_SHAPES.items() for t in (0, 1)},
        ("fc8", 0): (1000,),
    }
    assert {r.layer for r in rows if r.exchange} == EXCHANGES


@pytest.mark.parametrize("name", TOWER_SHAPES)
def test_output_shape_of_each_tower(paper_network, name):
    outputs = paper_network.get_layer(name).tower_outputs
    assert [tuple(o.shape[1:]) for o in outputs] == [TOWER_SHAPES[name]] * 2


def test_input_and_output(paper_network):
    assert paper_network.input_shape == (None, 224, 224, 3)
    assert paper_network.input.dtype == "uint8"
    assert paper_network.output_shape == (None, 1000)
    assert paper_network.output.dtype == "float32"


def test_towers_meet_only_where_the_paper_says(small_model, images):
    """Changing tower 1's conv1 reaches tower 0 at conv3 and no earlier."""
    names = ("conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2", "conv3")
    for name in WEIGHTED_LAYERS:
        small_model.weight_std[name] = 0.05
    network = build_network(small_model)
    before = run_to(network, *names, images=images)
    network.get_layer("conv1").kernels[1].assign_add(
        tf.ones_like(network.get_layer("conv1").kernels[1])
    )
    after = run_to(network, *names, images=images)
    for name, old, new in zip(names, before, after, strict=True):
        old, new = (np.split(x, 2, axis=-1) for x in (old, new))
        assert not np.array_equal(old[1], new[1]), name
        assert np.array_equal(old[0], new[0]) == (name != "conv3"), name


def test_crops_of_227_need_no_padding_and_give_the_same_sizes(small_model):
    of_224 = build_network(small_model)
    small_model.crop = 227
    of_227 = build_network(small_model)
    assert of_227.input_shape == (None, 227, 227, 3)
    assert trainable_shapes(of_224) == trainable_shapes(of_227)
    rows_224, rows_227 = (
        [row for row in layer_table(network) if row.tower is not None]
        for network in (of_224, of_227)
    )
    assert rows_224 == rows_227


def test_one_tower_is_one_joined_network(small_model):
    small_model.width = 1.0
    small_model.num_classes = 1000
    small_model.towers = 1
    network = build_network(small_model)
    # Known from ports without groups.
    assert sum(map(math.prod, trainable_shapes(network))) == 62_378_344
    for name in WEIGHTED_LAYERS:
        assert len(network.get_layer(name).kernels) == 1
    for name, (*size, maps) in TOWER_SHAPES.items():
        [output] = network.get_layer(name).tower_outputs
        assert tuple(output.shape[1:]) == (*size, 2 * maps), name
    assert network.output_shape == (None, 1000)


@pytest.mark.parametrize("width", [1 / 16, 1 / 4, 0.3])
def test_width_multiplies_kernels_and_units(small_model, width):
    small_model.width = width
    network = build_network(small_model)
    for name in WEIGHTED_LAYERS[:-1]:
        layer = network.get_layer(name)
        in_each = {bias.shape[0] for bias in layer.biases}
        assert len(in_each) == 1
        assert sum(in_each) * 2 == pytest.approx(BIASES[name] * width, abs=1)
    assert network.output_shape == (None, 10)


@pytest.mark.parametrize(
    ("size", "stride", "sides"),
    [(3, 2, (27, 13, 6)), (2, 2, (27, 13, 6)), (3, 3, (18, 6, 2))],
)
def test_pool_size_and_stride(small_model, images, size, stride, sides):
    small_model.pool_size, small_model.pool_stride = size, stride
    network = build_network(small_model)
    for name, side in zip(("pool1", "pool2", "pool5"), sides, strict=True):
        shape = network.get_layer(name).tower_outputs[0].shape
        assert tuple(shape[1:3]) == (side, side)
    maps, pooled = run_to(network, "lrn1", "pool1", images=images)
    expected = np.full_like(pooled, -np.inf)
    for dy, dx in itertools.product(range(size), repeat=2):
        shifted = maps[:, dy::stride, dx::stride]
        expected = np.maximum(expected, shifted[:, : sides[0], : sides[0]])
    np.testing.assert_array_equal(pooled, expected)


@pytest.mark.parametrize("scope", ["none", "tower", "layer"])
def test_lrn_scope(small_model, images, scope):
    small_model.lrn.scope = scope
    network = build_network(small_model)
    names = [layer.name for layer in network.layers]
    assert ("lrn1" in names, "lrn2" in names) == (scope != "none",) * 2
    [maps] = run_to(network, "conv1", images=images)
    parts = {"none": (), "tower": np.split(maps, 2, -1), "layer": (maps,)}
    normalized = [
        tf.nn.local_response_normalization(part, 2, 2, 1e-4, 0.75)
        for part in parts[scope]
    ]
    expected = np.concatenate(normalized, axis=-1) if normalized else maps
    pooled = tf.nn.max_pool2d(expected, 3, 2, "VALID")
    [ours] = run_to(network, "pool1", images=images)
    assert np.abs(ours).max() > 1
    np.testing.assert_allclose(ours, pooled, atol=1e-6 * ours.max())


def test_conv1_order_of_the_2012_code(small_model, images):
    small_model.lrn.alpha = 0.01  # visible
    small_model.weight_std.conv1 = 0.001
    small_model.conv1_order = "lrn_pool_relu"
    network = build_network(small_model)
    signed, pooled, ours = run_to(
        network, "conv1", "pool1", "relu1", images=images
    )
    assert signed.min() < -1
    halves = [
        tf.nn.max_pool2d(
            tf.nn.local_response_normalization(half, 2, 2, 0.01, 0.75),
            *(3, 2, "VALID"),
        )
        for half in np.split(signed, 2, axis=-1)
    ]
    expected = np.concatenate(halves, axis=-1)
    assert expected.min() < -0.1
    np.testing.assert_allclose(pooled, expected, atol=1e-6 * pooled.max())
    np.testing.assert_array_equal(ours, np.maximum(pooled, 0))


@pytest.mark.parametrize(
    ("left_out", "neighbour", "shape"),
    [
        ("conv2", "conv3", (3, 3, 6, 12)),  # sees both towers' 3 maps
        ("conv3", "conv4", (3, 3, 8, 12)),  # its own tower's
        ("conv4", "conv5", (3, 3, 12, 8)),
        ("conv5", "fc6", (6 * 6 * 24, 128)),
    ],
)
def test_a_convolution_left_out(
    small_model, images, left_out, neighbour, shape
):
    small_model.without = (left_out,)
    network = build_network(small_model)
    names = {layer.name for layer in network.layers}
    assert set(WEIGHTED_LAYERS) - names == {left_out}
    assert "pool2" in names
    assert ("lrn2" in names) == (left_out != "conv2")  # it belongs to conv2
    kernels = network.get_layer(neighbour).kernels
    assert [tuple(kernel.shape) for kernel in kernels] == [shape] * 2
    assert list(layer_outputs(network, images)) == [
        name for name in WEIGHTED_LAYERS if name != left_out
    ]


@pytest.mark.parametrize(
    ("activation", "function"),
    [("relu", lambda z: np.maximum(z, 0)), ("tanh", np.tanh)],
)
def test_activation(small_model, images, activation, function):
    small_model.weight_std.conv1 = 1e-4  # where tanh is not flat
    small_model.bias.fc8 = 5.0
    small_model.activation = "linear"
    [linear] = run_to(build_network(small_model), "conv1", images=images)
    assert linear.min() < -0.1
    small_model.activation = activation
    network = build_network(small_model)
    [activated] = run_to(network, "conv1", images=images)
    np.testing.assert_allclose(activated, function(linear), atol=1e-6)
    for name in WEIGHTED_LAYERS[:-1]:
        layer = network.get_layer(name)
        assert keras.activations.serialize(layer.activation) == activation
    # The last layer stays linear: logits.
    assert network(images).numpy().min() > 2


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_rate(small_model, images, rate):
    small_model.dropout = rate
    network = build_network(small_model)
    training, inference = (
        run_to(network, "drop6", "drop7", images=images, training=training)
        for training in (True, False)
    )
    for ours, quiet in zip(training, inference, strict=True):
        assert np.all(quiet > 0)  # biases of 1
        # 768 neurons: five standard errors.
        assert np.mean(ours == 0) == pytest.approx(rate, abs=rate * 0.18)


@pytest.mark.parametrize("std", [0.0, 0.1])
def test_lighting_options(small_model, images, std):
    small_model.lighting.std = std
    small_model.lighting.scale = "square_roots"
    network = build_network(small_model)
    lighting = network.get_layer("lighting")
    lighting.set_principal_components(np.eye(3), np.full(3, 1e4))
    part = keras.Model(network.input, lighting.output)
    lit, plain = part(images, training=True), part(images, training=False)
    added = (lit - plain).numpy()
    # sqrt(1e4) * std for a draw of 1.
    assert np.abs(added).max() == pytest.approx(100 * std, rel=2)
    assert added.any() == (std > 0)


def assert_normal(values, std):
    """`values` are a sample of N(0, std), within five standard errors."""
    n = values.size
    assert abs(values.mean()) < 5 * std / math.sqrt(n)
    assert values.std() == pytest.approx(std, rel=5 / math.sqrt(2 * n))
    # A truncated normal has nothing beyond two standard deviations.
    beyond = np.mean(np.abs(values) > 2 * std)
    assert beyond == pytest.approx(0.0455, abs=5 * 0.21 / math.sqrt(n))


def test_initialization_of_the_paper(paper_network):
    ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
    for (name, tower), kernel in kernels(paper_network).items():
        assert_normal(kernel.ravel()[:1_000_000], 0.01)
        bias = paper_network.get_layer(name).biases[tower].numpy()
        assert np.all(bias == (1.0 if name in ones else 0.0)), name


def test_initialization_of_each_layer_can_be_set(small_model):
    for i, name in enumerate(WEIGHTED_LAYERS):
        small_model.weight_std[name] = 0.01 * (i + 1)
        small_model.bias[name] = 0.5 * i - 1
    network = build_network(small_model)
    for i, name in enumerate(WEIGHTED_LAYERS):
        layer = network.get_layer(name)
        for kernel, bias in zip(layer.kernels, layer.biases, strict=True):
            assert_normal(kernel.numpy(), 0.01 * (i + 1))
            assert np.all(bias.numpy() == 0.5 * i - 1)


def same_draws(a, b):
    """Whether two kernels are multiples of the same random numbers."""
    return abs(np.corrcoef(a.ravel()[:50], b.ravel()[:50])[0, 1]) > 0.9


def test_the_seed_decides_the_weights(small_model):
    first, same, other = (
        kernels(build_network(small_model, seed)) for seed in (1, 1, 2)
    )
    for key, kernel in first.items():
        np.testing.assert_array_equal(kernel, same[key])
        assert not same_draws(kernel, other[key]), key


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("towers", [1, 2])
def test_no_two_kernels_start_with_the_same_numbers(small_model, towers, seed):
    small_model.towers = towers
    draws = kernels(build_network(small_model, seed))
    for (one, a), (other, b) in itertools.combinations(draws.items(), 2):
        assert not same_draws(a, b), (one, other)


def varied_network(model, devices=(None, None)):
    """A network whose weights are all different from their initial values."""
    with placement(devices):
        network = build_network(model)
    random = np.random.default_rng(1)
    network.get_layer("mean").set_mean(random.uniform(90, 130, (256, 256, 3)))
    for variable in network.trainable_variables:
        noise = random.normal(0, 0.05, variable.shape)
        variable.assign_add(noise.astype(np.float32))
    return network


def assert_equal_weights(network, other):
    for ours, theirs in zip(network.weights, other.weights, strict=True):
        assert ours.path == theirs.path
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


PINS = ("/CPU:1", "/CPU:2")


@pytest.mark.parametrize(
    ("towers", "devices"), [(2, PINS), (2, (None, None)), (1, (None,))]
)
def test_a_saved_network_loads_without_its_devices(
    tmp_path, small_model, images, towers, devices
):
    small_model.towers = towers
    network = varied_network(small_model, devices)
    file = tmp_path / "network.keras"
    network.save(file)
    loaded = keras.models.load_model(file)
    assert_equal_weights(loaded, network)
    assert all("CPU:0" in weight.value.device for weight in loaded.weights)
    expected = network(images).numpy()
    assert np.ptp(expected, axis=0).min() > 1e-3
    error = np.abs(loaded(images) - expected).max()
    assert error <= 1e-6 * np.abs(expected).max()


def test_a_saved_network_loads_onto_devices(tmp_path, small_model, images):
    network = varied_network(small_model, PINS)
    file = tmp_path / "network.keras"
    network.save(file)
    with placement(PINS[::-1]):
        loaded = keras.models.load_model(file)
    assert_equal_weights(loaded, network)
    for tower, device in enumerate(PINS[::-1]):
        for name in WEIGHTED_LAYERS[:-1]:
            kernel = loaded.get_layer(name).kernels[tower]
            assert kernel.value.device.endswith(device.strip("/"))
    np.testing.assert_array_equal(loaded(images), network(images))


def test_a_saved_network_names_no_device(tmp_path, small_model):
    file = tmp_path / "network.keras"
    varied_network(small_model, PINS).save(file)
    with zipfile.ZipFile(file) as archive:
        text = archive.read("config.json").decode()
    # It is the network's config.
    layers = json.loads(text)["config"]["layers"]
    assert {"conv1", "fc8"} <= {layer["config"]["name"] for layer in layers}
    for word in ("cpu", "gpu", "device"):
        assert word not in text.lower()
