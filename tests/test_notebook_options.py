"""The options that 2012's other experiments need, by other programs' means."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.config import check_config
from alexnet_tf.errors import UserError
from alexnet_tf.network import build_network, logit_parts, weighted_layers
from configs import paper
from tests.signal_network import network_with_signal, random_mean

torch = pytest.importorskip("torch")
functional = torch.nn.functional

WIDTH = 1 / 16
NARROW = {"width": WIDTH, "num_classes": 11, "dropout": 0.0}
STANDARD = ("conv3", "fc6", "fc7", "fc8")


def images(count=3):
    random = np.random.default_rng(3)
    tiles = random.integers(0, 256, (count, 8, 8, 3), np.uint8)
    return tiles.repeat(28, axis=1).repeat(28, axis=2)


def counts(network):
    """{layer: its parameters}."""
    return {
        layer.name: sum(math.prod(v.shape) for v in layer.trainable_variables)
        for layer in weighted_layers(network)
    }


class InTorch:
    """The network with its options, the towers a list of two tensors.

    Args:
        network: ours, whose weights are used.
        exchange: names of the layers that see both towers.
        padding: of conv2 to conv5.
        pool: size and stride of the pools.
        norms: those that there are, of lrn1, lrn2 and norm2.
        late: convolutions whose ReLU comes after the pool.
    """

    def __init__(
        self,
        network,
        exchange=STANDARD,
        padding=(2, 1, 1, 1),
        pool=(3, 2, False),
        norms=("lrn1", "lrn2"),
        late=(),
        rounding=False,
    ):
        self.layers = {layer.name: layer for layer in weighted_layers(network)}
        self.exchange, self.padding, self.pool = exchange, padding, pool
        self.norms, self.late, self.rounding = norms, late, rounding

    def __call__(self, pixels):
        x = torch.tensor(
            pixels.astype(np.float32) - random_mean()[16:240, 16:240]
        )
        x = functional.pad(x.permute(0, 3, 1, 2), (0, 3, 0, 3))
        towers = self.conv([x, x], "conv1", 0, stride=4)
        towers = self.block(towers, 1)
        towers = self.conv(towers, "conv2", self.padding[0])
        towers = self.block(towers, 2)
        for i, name in enumerate(("conv3", "conv4", "conv5"), 1):
            towers = self.conv(towers, name, self.padding[i])
        towers = self.pooled(towers)
        if "conv6" in self.layers:
            towers = self.conv(towers, "conv6", 1)
        towers = [t.permute(0, 2, 3, 1) for t in towers]
        for name in ("fc6", "fc7"):
            towers = [t.relu() for t in self.dense(towers, name)]
        if "bottleneck" in self.layers:
            towers = self.dense(towers, "bottleneck")
        return torch.cat(self.dense(towers, "fc8"), -1).numpy()

    def seen(self, towers, name, tower, axis):
        if name not in self.exchange:
            return towers[tower]
        seen = [
            t if i == tower or not self.rounding else t.half().float()
            for i, t in enumerate(towers)
        ]
        return torch.cat(seen, axis)

    def conv(self, towers, name, padding, **kwargs):
        layer = self.layers[name]
        outputs = []
        for tower, (kernel, bias) in enumerate(
            zip(layer.kernels, layer.biases, strict=True)
        ):
            x = self.seen(towers, name, tower, 1)
            kernel = torch.tensor(kernel.numpy()).permute(3, 2, 0, 1)
            bias = torch.tensor(bias.numpy())
            x = functional.conv2d(x, kernel, bias, padding=padding, **kwargs)
            outputs.append(x if name in self.late else x.relu())
        return outputs

    def block(self, towers, number):
        if f"lrn{number}" in self.norms:
            towers = [
                functional.local_response_norm(t, 5, 5e-4, 0.75, 2.0)
                for t in towers
            ]
        if number == 2 and "norm2" in self.norms:
            towers = [
                t
                / (1 + 4e-5 * 25 * functional.avg_pool2d(t**2, 5, 1, 2)) ** 0.75
                for t in towers
            ]
        towers = self.pooled(towers)
        if f"conv{number}" in self.late:
            towers = [t.relu() for t in towers]
        return towers

    def pooled(self, towers):
        size, stride, ceil = self.pool
        return [
            functional.max_pool2d(t, size, stride, ceil_mode=ceil)
            for t in towers
        ]

    def dense(self, towers, name):
        layer = self.layers[name]
        outputs = []
        for tower, (kernel, bias) in enumerate(
            zip(layer.kernels, layer.biases, strict=True)
        ):
            x = self.seen(towers, name, tower, -1).flatten(1)
            outputs.append(
                x @ torch.tensor(kernel.numpy()) + torch.tensor(bias.numpy())
            )
        return outputs


CASES = {
    "sixth convolution": (
        {"conv6": 256, "exchange": ("conv3", "conv6", "fc6", "fc7", "fc8")},
        {"exchange": ("conv3", "conv6", "fc6", "fc7", "fc8")},
    ),
    "bottleneck, divided classes": (
        {
            "bottleneck": 2048,
            "split_softmax": True,
            "exchange": (*STANDARD, "bottleneck"),
        },
        {"exchange": (*STANDARD, "bottleneck")},
    ),
    "towers that never meet": (
        {"exchange": ("fc8",), "units": 8192, "fc7_units": 4096},
        {"exchange": ("fc8",)},
    ),
    "towers that meet early": (
        {"exchange": ("conv2", "conv4", "fc6", "fc8")},
        {"exchange": ("conv2", "conv4", "fc6", "fc8")},
    ),
    "pools of 147": (
        {
            **{"pool_size": 2, "pool_stride": 2, "pool_padding": "ceil"},
            "padding": (1, 1, 1, 0),
        },
        {"pool": (2, 2, True), "padding": (1, 1, 1, 0)},
    ),
    "no norms": ({"without": ("lrn1", "lrn2")}, {"norms": ()}),
    "no norms after conv2": (
        {"without": ("lrn2", "norm2"), "same_map_norm.size": 5},
        {"norms": ("lrn1",)},
    ),
    "LRN2 alone away": (
        {"without": ("lrn2",), "same_map_norm.size": 5},
        {"norms": ("lrn1", "norm2")},
    ),
    "norms below both ReLUs": (
        {
            "conv1_order": "lrn_pool_relu",
            "conv2_order": "lrn_pool_relu",
            "same_map_norm.size": 5,
        },
        {"norms": ("lrn1", "lrn2", "norm2"), "late": ("conv1", "conv2")},
    ),
    "16-bit floats between towers": (
        {"exchange_precision": "float16"},
        {"rounding": True},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_logits_as_pytorch_computes_them(case):
    options, in_torch = CASES[case]
    network = signal_network(options)
    expected = InTorch(network, **in_torch)(images())
    scale = np.abs(expected).max()
    # Logits that hardly depend on the image would prove little.
    assert np.ptp(expected, axis=0).mean() > 0.05 * scale
    # Where float32 sums differ in the last bit float16 may round them to
    # neighbours; tests/layers/test_exchange.py compares without that.
    tolerance = 5e-4 if in_torch.get("rounding") else 3e-6
    np.testing.assert_allclose(
        network(images()), expected, rtol=0, atol=tolerance * scale
    )


def signal_network(options):
    """Narrow, with weights under which logits depend on the image."""
    wide = {
        **{f"weight_std.{name}": 0.08 for name in paper.LAYERS},
        **{f"bias.{name}": 0.1 for name in paper.LAYERS},
        "weight_std.conv1": 0.01,
    }
    return network_with_signal(**{**NARROW, **wide, **options})


def test_sizes_of_147():
    """55, 28, 26, 13, 13, 11, 6, as the 2012 code's pools round up."""
    model = paper.get_config().model
    model.update_from_flattened_dict({**NARROW, **CASES["pools of 147"][0]})
    network = build_network(model)
    sides = [
        network.get_layer(name).tower_outputs[0].shape[1]
        for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")
    ]
    assert sides == [55, 28, 26, 13, 11, 6]


def test_pools_over_the_edge_leave_their_gradient_inside():
    """Where all are negative, zeros beyond the edge would win."""
    from alexnet_tf.layers.pooling import TowerMaxPool2D

    random = np.random.default_rng(0)
    maps = -1 - random.random((2, 7, 7, 4), np.float32)
    layer = TowerMaxPool2D(2, 2, "ceil", towers=1)
    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(maps)
        tape.watch(x)
        [pooled] = layer([x])
        total = tf.reduce_sum(pooled**2)
    theirs = torch.tensor(maps, requires_grad=True)
    expected = functional.max_pool2d(
        theirs.permute(0, 3, 1, 2), 2, 2, ceil_mode=True
    )
    (expected**2).sum().backward()
    np.testing.assert_array_equal(pooled, expected.detach().permute(0, 2, 3, 1))
    np.testing.assert_allclose(tape.gradient(total, x), theirs.grad)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, 60_965_224),
        ({"conv6": 256}, 60_965_224 + 590_080),
        (
            {"conv6": 256, "bottleneck": 2048, "num_classes": 21_843},
            60_965_224
            - 4_097_000
            + 590_080
            + (4096 * 2048 + 2048)
            + (2048 * 21_843 + 21_843),
        ),
    ],
)
def test_parameters_at_full_width(options, parameters):
    model = paper.get_config().model
    model.update_from_flattened_dict(options)
    if "conv6" in options:
        model.exchange = ("conv3", "conv6", "fc6", "fc7", "bottleneck", "fc8")
    if "bottleneck" in options:
        model.split_softmax = True
        network = build_network(model)
        sizes = [part.shape[-1] for part in logit_parts(network)]
        assert sizes == [10_921, 10_922]
    else:
        network = build_network(model)
    assert sum(counts(network).values()) == parameters


def test_a_layer_more_leaves_the_others_initial_weights():
    with_six, without = (
        signal_network({"conv6": kernels}) for kernels in (256, 0)
    )
    for name in ("conv1", "conv5", "fc7", "fc8"):
        for ours, theirs in zip(
            with_six.get_layer(name).kernels,
            without.get_layer(name).kernels,
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_a_saved_network_comes_back(tmp_path):
    network = signal_network(
        {
            **CASES["sixth convolution"][0],
            **CASES["pools of 147"][0],
            "split_softmax": True,
            "exchange_precision": "float16",
        }
    )
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again(images()), network(images()))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model.exchange": ("conv6", "fc8")}, "only where model.conv6"),
        ({"model.exchange": ("bottleneck", "fc8")}, "model.bottleneck is ab"),
        ({"model.exchange": ("conv3",)}, "fc8 stands on the first tower"),
        ({"model.exchange": ("conv1", "fc8")}, "it has to be"),
        ({"model.exchange": ("fc8", "fc8")}, "none twice"),
        ({"model.split_softmax": True, "model.towers": 1}, "nothing to divide"),
        ({"model.padding": (2, 1, 1)}, "4 values"),
        ({"model.crop": 64, "model.padding": (0, 0, 0, 0)}, "so small"),
        ({"model.without": ("lrn3",)}, "lrn1"),
        ({"train.layer_lrs": (("conv6", 1, 0.1),)}, "the network has no bott"),
    ],
)
def test_senseless_combinations_are_one_line(values, says):
    config = paper.get_config()
    config.update_from_flattened_dict(values)
    with pytest.raises(UserError, match=says) as error:
        check_config(config)
    assert "\n" not in str(error.value)
