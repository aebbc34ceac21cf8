"""ReLU against tanh: the network, the search and figure 1 of the paper."""

import math

import keras
import matplotlib
import numpy as np
import tensorflow as tf

from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.training.optimizer import PaperSGD

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from alexnet_tf.files.atomic import replacing

PIXEL_DEVIATION = 64.0  # of natural images on 0..255, roughly
AT_ONCE = 500
STYLE = {"relu": ("ReLU", "C0", "-"), "tanh": ("tanh", "C3", "--")}


def epochs_to(target, errors):
    """When a curve first reaches a target, between epochs by a straight line.

    Args:
        target: error, a fraction.
        errors: error after epoch 1, 2, ...

    Returns:
        A number of epochs, inf where it never does.
    """
    for epoch, error in enumerate(errors, 1):
        if error <= target:
            if epoch == 1:
                return 1.0
            before = errors[epoch - 2]
            return epoch - 1 + (before - target) / (before - error)
    return math.inf


def best_lr(cost_of, first, factor):
    """The best learning rate of a geometric ladder, found by walking.

    From `first` to the better neighbour for as long as there is one, so the
    best rate always lies between two worse ones.

    Args:
        cost_of: from (lr, cost to beat) to a cost; may give up, with inf,
            once it is above the one to beat. It is asked for one rate twice.
        first: where to begin.
        factor: between neighbours.

    Returns:
        (lr, cost).
    """
    lr, cost = first, cost_of(first, math.inf)
    for direction in (factor, 1 / factor):
        while True:
            neighbour = cost_of(lr * direction, cost)
            if not neighbour < cost:
                break
            lr, cost = lr * direction, neighbour
    return lr, cost


def four_layer_network(config, image_shape, classes, activation, lr, seed):
    """Three convolutions with max pooling, and a softmax layer; compiled.

    Args:
        config: see configs/figure1.py.
        image_shape: (height, width, 3).
        classes: number of classes.
        activation: "relu" or "tanh".
        lr: learning rate.
        seed: integer, for the initial weights.

    Returns:
        A `keras.Model` from float32 images, mean subtracted, 0..255 scale, to
        logits.
    """
    layers = [
        keras.Input(image_shape),
        # Neither activation may start saturated.
        keras.layers.Rescaling(1 / PIXEL_DEVIATION),
    ]
    for number, kernels in enumerate(config.kernels):
        layers += [
            keras.layers.Conv2D(
                kernels,
                config.kernel_size,
                padding="same",
                activation=activation,
                kernel_initializer=_initializer(config, seed, number),
            ),
            keras.layers.MaxPool2D(config.pool_size, config.pool_stride),
        ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(
            classes,
            kernel_initializer=_initializer(config, seed, len(config.kernels)),
        ),
    ]
    network = keras.Sequential(layers)
    network.compile(
        PaperSGD(lr, config.momentum, weight_decay=0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return network


def _initializer(config, seed, layer):
    seed = seed * 1000 + layer
    if not config.weight_std:
        return keras.initializers.LecunNormal(seed)
    return keras.initializers.RandomNormal(
        stddev=config.weight_std[layer], seed=seed
    )


def epoch_errors(network, images, labels, config, seed):
    """Trains without end; yields the training error after each epoch.

    Args:
        network: see `four_layer_network`.
        images: float32 [N, H, W, 3], mean subtracted, 0..255 scale.
        labels: int64 [N].
        config: see configs/figure1.py.
        seed: integer, for the order of the images.

    Yields:
        The share of the first `config.error_images` images that are
        misclassified; nan, and the end, where the loss is not finite.
    """
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(images), seed=seed)
        .batch(config.batch_size, drop_remainder=True)
        .prefetch(2)
        .with_options(untuned())
    )
    measured = images[: config.error_images]
    while True:
        history = network.fit(batches, epochs=1, shuffle=False, verbose=0)
        if not np.isfinite(history.history["loss"][0]):
            yield float("nan")
            return
        # Not `predict`, which traces a function for every network.
        guesses = [
            np.argmax(network(measured[i : i + AT_ONCE]), axis=1)
            for i in range(0, len(measured), AT_ONCE)
        ]
        wrong = np.concatenate(guesses) != labels[: config.error_images]
        yield float(np.mean(wrong))


def draw_figure1(path, curves, target):
    """Training error over the epochs, a line for each seed.

    Args:
        path: of the PNG file.
        curves: {"relu" or "tanh": (lr, [errors of each seed])}.
        target: error that was to be reached, a fraction.
    """
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, (lr, runs) in curves.items():
        label, color, style = STYLE[name]
        for number, errors in enumerate(runs):
            axis.plot(
                range(1, len(errors) + 1),
                errors,
                color=color,
                ls=style,
                label=f"{label}, lr {lr:.3g}" if number == 0 else None,
            )
    axis.axhline(target, color="grey", lw=0.8)
    axis.set_xlabel("epochs")
    axis.set_ylabel("training error")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
