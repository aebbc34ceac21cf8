"""Logits and gradients against PyTorch, with grouped convolutions."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.network import WEIGHTED_LAYERS
from tests.signal_network import network_with_signal, random_mean

torch = pytest.importorskip(
    "torch",
    reason="needs PyTorch: pip install --group bench",
)
functional = torch.nn.functional

BATCH = 3
# Of an activation's largest value; several times what rounding changes.
CLEAR = 5e-6

CASES = pytest.mark.parametrize(
    ("towers", "scope", "groups", "lrn_groups"),
    [(2, "tower", 2, 2), (2, "layer", 2, 1), (1, "tower", 1, 1)],
)
CROPS = pytest.mark.parametrize("crop", [224, 227])


class AlexNet:
    """Figure 2 in PyTorch's terms.

    Args:
        network: ours, whose weights and mean are used.
        groups: of conv2, conv4 and conv5.
        lrn_groups: parts of the maps that are normalized by themselves.

    Attributes:
        weights: kernel and bias tensors of each layer, laid out as PyTorch's.
        margin: the smallest distance of the last call's activations from a
            corner of ReLU or max, relative to the layer's largest activation.
    """

    def __init__(self, network, groups, lrn_groups):
        self.weights = torch_weights(network)
        self.groups, self.lrn_groups = groups, lrn_groups
        self.crop = network.input_shape[1]
        first = (256 - self.crop) // 2
        pixels = slice(first, first + self.crop)
        self.mean = random_mean()[pixels, pixels]

    def __call__(self, images):
        """Logits of uint8 images [B, H, W, 3]."""
        self.margin = np.inf
        pixels = images.astype(np.float32) - self.mean
        x = torch.tensor(pixels).permute(0, 3, 1, 2)
        if self.crop == 224:
            x = functional.pad(x, (0, 3, 0, 3))  # right and bottom
        x = self._pool(self._lrn(self._conv(x, "conv1", 0, stride=4)))
        x = self._conv(x, "conv2", 2, groups=self.groups)
        x = self._pool(self._lrn(x))
        x = self._conv(x, "conv3", 1)
        x = self._conv(x, "conv4", 1, groups=self.groups)
        x = self._pool(self._conv(x, "conv5", 1, groups=self.groups))
        # Our fully connected layers count neurons by row, column, map.
        x = x.permute(0, 2, 3, 1).flatten(1)
        # Dropout as in the paper: all outputs times a half at test time.
        x = 0.5 * self._relu(functional.linear(x, *self.weights["fc6"]))
        x = 0.5 * self._relu(functional.linear(x, *self.weights["fc7"]))
        return functional.linear(x, *self.weights["fc8"])

    def _conv(self, x, name, padding, **kwargs):
        weights = self.weights[name]
        return self._relu(
            functional.conv2d(x, *weights, padding=padding, **kwargs)
        )

    def _lrn(self, x):
        # PyTorch divides alpha by the size.
        parts = [
            functional.local_response_norm(
                part, size=5, alpha=5e-4, beta=0.75, k=2.0
            )
            for part in x.chunk(self.lrn_groups, dim=1)
        ]
        return torch.cat(parts, dim=1)

    def _relu(self, x):
        self._note_margin(x.abs(), x)
        return functional.relu(x)

    def _pool(self, x):
        windows = x.unfold(2, 3, 2).unfold(3, 3, 2).flatten(-2)
        largest, second = windows.topk(2).values.unbind(-1)
        # Where all are zero no gradient passes the ReLU below.
        self._note_margin((largest - second)[largest > 0], x)
        return functional.max_pool2d(x, 3, 2)

    def _note_margin(self, distances, x):
        relative = distances.min() / x.abs().max()
        self.margin = min(self.margin, relative.item())


def random_image(crop, seed):
    """An image with structure, unlike noise: eight by eight tiles."""
    random = np.random.default_rng(seed)
    tiles = random.integers(0, 256, (1, 8, 8, 3), np.uint8)
    return tiles.repeat(32, axis=1).repeat(32, axis=2)[:, :crop, :crop]


def random_images(crop):
    return np.concatenate([random_image(crop, seed) for seed in range(BATCH)])


def clear_images(peer):
    """Images whose activations stay clear of the corners of ReLU and max.

    At a corner the gradient jumps, and rounding decides to which side.
    """
    found = []
    for seed in range(1000):
        image = random_image(peer.crop, seed)
        with torch.no_grad():
            peer(image)
        if peer.margin > CLEAR:
            found.append(image)
        if len(found) == BATCH:
            return np.concatenate(found)
    raise AssertionError(f"only {len(found)} images are clear of corners")


def torch_weights(network):
    """Kernel and bias of each layer, joined, as tensors with gradients."""
    weights = {}
    for name in WEIGHTED_LAYERS:
        layer = network.get_layer(name)
        kernel, bias = (
            np.concatenate([v.numpy() for v in variables], axis=-1)
            for variables in (layer.kernels, layer.biases)
        )
        # [H, W, in, out] to [out, in, H, W], or [in, out] to [out, in].
        order = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
        weights[name] = [
            torch.tensor(array.copy(), requires_grad=True)
            for array in (kernel.transpose(order), bias)
        ]
    return weights


def torch_gradients(weights):
    """The gradients of kernels and biases, laid out as ours."""
    gradients = {}
    for name, (kernel, bias) in weights.items():
        order = (2, 3, 1, 0) if kernel.ndim == 4 else (1, 0)
        gradients[name] = (
            kernel.grad.numpy().transpose(order),
            bias.grad.numpy(),
        )
    return gradients


def relative_error(ours, expected):
    return np.abs(ours - expected).max() / np.abs(expected).max()


@CROPS
@CASES
def test_logits(towers, scope, groups, lrn_groups, crop):
    network = network_with_signal(
        **{"towers": towers, "crop": crop, "lrn.scope": scope}
    )
    images = random_images(crop)
    with torch.no_grad():
        expected = AlexNet(network, groups, lrn_groups)(images).numpy()
    # Logits that hardly depend on the image would prove little.
    assert np.ptp(expected, axis=0).mean() > 0.05 * np.abs(expected).max()
    assert relative_error(network(images).numpy(), expected) <= 1e-4


@CROPS
@CASES
def test_gradients(towers, scope, groups, lrn_groups, crop):
    network = network_with_signal(
        **{"towers": towers, "crop": crop, "lrn.scope": scope},
        **{"width": 1 / 16, "num_classes": 10},
    )
    labels = np.array([1, 5, 9])
    peer = AlexNet(network, groups, lrn_groups)
    images = clear_images(peer)
    loss = functional.cross_entropy(peer(images), torch.tensor(labels))
    loss.backward()
    gradients = torch_gradients(peer.weights)

    with tf.GradientTape() as tape:
        logits = network(images)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )
    variables = network.trainable_variables
    ours = {
        variable.path: gradient.numpy()
        for variable, gradient in zip(
            variables, tape.gradient(loss, variables), strict=True
        )
    }
    for name in WEIGHTED_LAYERS:
        layer = network.get_layer(name)
        for ours_of, theirs in zip(
            (layer.kernels, layer.biases), gradients[name], strict=True
        ):
            parts = np.split(theirs, len(ours_of), axis=-1)
            for variable, part in zip(ours_of, parts, strict=True):
                error = relative_error(ours[variable.path], part)
                assert error <= 1e-4, variable.path
