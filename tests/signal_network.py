"""A network whose logits vary, to compare with other programs'."""

import numpy as np

from alexnet_tf.network import build_network, weighted_layers
from configs import paper


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
