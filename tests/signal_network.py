"""A network whose logits vary, to compare with other programs'."""

import numpy as np

from alexnet_tf.network import build_network, weighted_layers
from alexnet_tf.run.trained import TrainedNetwork
from configs import paper

CLASSES = ("zebra", "café", 'a "b"', "d\ne", "e", "f")


def random_mean():
    """A mean image, float32 [256, 256, 3]."""
    random = np.random.default_rng(2)
    return random.uniform(90, 140, (256, 256, 3)).astype(np.float32)


def network_with_signal(**options):
    """The paper's network with weights under which logits vary."""
    model = paper.get_config().model
    model.update_from_flattened_dict(options)
    for name in ("conv1", "conv3", "conv4", "conv5"):
        model.weight_std[name] = 0.03
    network = build_network(model)
    network.get_layer("mean").set_mean(random_mean())
    random = np.random.default_rng(1)
    # All biases different, or a wrong order of the towers' would not show.
    for layer in weighted_layers(network):
        for bias in layer.biases:
            noise = random.normal(0, 0.1, bias.shape)
            bias.assign_add(noise.astype(np.float32))
    return network


def records(batch):
    """Pictures with structure that differ from corner to corner."""
    random = np.random.default_rng(5)
    tiles = random.integers(0, 256, (batch, 8, 8, 3), np.uint8)
    return tiles.repeat(32, axis=1).repeat(32, axis=2)


def small_network(**options):
    """A narrow network that gives `records` distinct probabilities."""
    network = network_with_signal(
        **{"width": 1 / 8, "num_classes": len(CLASSES), **options}
    )
    # Kernels under which pictures still differ at the top, not the rounding.
    gain = {"tanh": 2, "sigmoid": 6}.get(options.get("activation"), 2**0.5)
    for layer in weighted_layers(network):
        for kernel in layer.kernels:
            std = gain / np.prod(kernel.shape[:-1]) ** 0.5
            kernel.assign(kernel * (std / np.std(kernel)))
    crop = network.input_shape[1]
    logits = network(records(8)[:, :crop, :crop]).numpy()
    [kernel], [bias] = (
        getattr(network.get_layer("fc8"), name)
        for name in ("kernels", "biases")
    )
    sharpness = 1 / logits.std(axis=0).mean()
    kernel.assign(sharpness * kernel)
    bias.assign(sharpness * (bias - logits.mean(axis=0)))
    return TrainedNetwork(network, crop, CLASSES)
