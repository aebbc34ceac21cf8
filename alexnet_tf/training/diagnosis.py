"""What a network that does not learn looks like from inside."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.network import weighted_layers

DEAD_SHARE = 0.9  # of a layer's units: more is a dead layer
FAINT_SIGNAL = 0.05  # standard deviation over mean of fc7: less is no signal


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Measurements on one batch.

    Attributes:
        dead_share: {layer: share of its units that are zero for every image
            of the batch}, for the hidden layers.
        image_dependence: how much fc7 depends on the image: the standard
            deviation of its neurons over the images, over their mean
            absolute value.
    """

    dead_share: dict[str, float]
    image_dependence: float

    def advice(self, lr):
        """What to change, most likely cause first; a list of sentences."""
        advice = []
        dead = [n for n, share in self.dead_share.items() if share > DEAD_SHARE]
        if dead:
            advice.append(
                f"the ReLUs of {', '.join(dead)} are dead: the learning rate "
                f"is too high for this data; start again with "
                f"--config.train.lr={lr / 10:g}"
            )
        elif self.image_dependence < FAINT_SIGNAL:
            advice.append(
                "fc7 hardly depends on the image: the initial weights pass "
                "too little signal; start again with "
                "--config.model.weight_std.convN=0.03 for N = 3, 4, 5 (the "
                "2012 code) or biases of 0.1 (--config.model.bias.LAYER=0.1)"
            )
        else:
            advice.append(
                "the signal arrives at fc7: check that the labels belong to "
                "the images, or change --config.train.lr tenfold"
            )
        return advice


def diagnose(network, images):
    """Measures a batch on the live network; see `Diagnosis`.

    Args:
        network: from uint8 crops to logits.
        images: uint8 [B, crop, crop, 3], B at least 2.
    """
    activations = layer_outputs(network, images)
    hidden = list(activations)[:-1]
    fc7 = activations["fc7"]
    scale = float(np.mean(np.abs(fc7)))
    return Diagnosis(
        dead_share={
            name: float(np.mean(~np.any(activations[name], axis=0)))
            for name in hidden
        },
        image_dependence=float(np.mean(np.std(fc7, axis=0)))
        / max(scale, 1e-30),
    )


def first_not_finite(network, images):
    """Where values stop being finite, from the image upwards.

    Returns:
        One clause such as "the output of conv2", or None where all weights
        and outputs are finite.
    """
    broken = [
        layer.name
        for layer in network.layers
        if not all(np.all(np.isfinite(v)) for v in layer.trainable_variables)
    ]
    if broken:
        return f"the weights of {', '.join(broken)}, in the step before"
    for name, output in layer_outputs(network, images).items():
        if not np.all(np.isfinite(output)):
            return f"the output of {name}"
    return None


def layer_outputs(network, images):
    """{layer: [B, ...] array} of the weighted layers, both towers joined."""
    outputs = {
        layer.name: layer.tower_outputs for layer in weighted_layers(network)
    }
    probe = keras.Model(network.input, outputs)
    return {
        name: np.concatenate([tf.cast(t, tf.float32) for t in towers], axis=-1)
        for name, towers in probe(images, training=False).items()
    }
