"""ReLU against tanh: the network, the search and figure 1 of the paper."""

import json
import math
import pathlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.data.image_set import Source
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.files.figures import save_figure
from alexnet_tf.terminal.progress import ProgressReport
from alexnet_tf.training.optimizer import PaperSGD

ACTIVATIONS = ("relu", "tanh")
PUBLISHED_RATIO = 6  # section 3.1

PIXEL_DEVIATION = 64.0  # of natural images on 0..255, roughly
AT_ONCE = 500
STYLE = {"relu": ("ReLU", "C0", "-"), "tanh": ("tanh", "C3", "--")}


def epochs_to(target: float, errors: Sequence[float]) -> float:
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


def best_lr(
    cost_of: Callable[[float, float], float], first: float, factor: float
) -> tuple[float, float]:
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


def four_layer_network(
    config: ConfigDict,
    image_shape: tuple[int, ...],
    classes: int,
    activation: str,
    lr: float,
    seed: int,
) -> keras.Sequential:
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
        PaperSGD(lr, momentum=config.momentum, weight_decay=0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return network


def _initializer(
    config: ConfigDict, seed: int, layer: int
) -> keras.Initializer:
    seed = seed * 1000 + layer
    if not config.weight_std:
        return keras.initializers.LecunNormal(seed)
    return keras.initializers.RandomNormal(
        stddev=config.weight_std[layer], seed=seed
    )


def epoch_errors(
    network: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    config: ConfigDict,
    seed: int,
) -> Iterator[float]:
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
        # This is not `predict`, which traces a function for every network.
        guesses = [
            np.argmax(network(measured[i : i + AT_ONCE]), axis=1)
            for i in range(0, len(measured), AT_ONCE)
        ]
        wrong = np.concatenate(guesses) != labels[: config.error_images]
        yield float(np.mean(wrong))


def draw_figure1(
    path: pathlib.Path,
    curves: dict[str, tuple[float, list[list[float]]]],
    target: float,
) -> None:
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
    save_figure(figure, path)


def load_images(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """All training images, minus their mean image, and the labels.

    Returns:
        float32 [N, H, W, 3] on the 0..255 scale, int64 [N].
    """
    examples = source.train.examples.map(
        lambda example: (source.decode(example["image"]), example["label"])
    ).prefetch(100)
    images, labels = [], []
    with ProgressReport("reading", source.train.size) as progress:
        for image, label in examples.as_numpy_iterator():
            images.append(image)
            labels.append(label)
            progress.advance(1)
            if image.shape != images[0].shape:
                raise UserError(
                    f"the images of {source.name} differ in size: "
                    "--mode=figure1 needs images of one size, such as cifar10's"
                )
    images = np.stack(images).astype(np.float32)
    images -= images.mean(axis=0, dtype=np.float64).astype(np.float32)
    return images, np.array(labels)


class Trials:
    """Trainings, each done once and kept as a JSON file of its errors.

    Args:
        folder: of the files.
        config: see configs/figure1.py.
        images, labels: see `load_images`.
        classes: number of classes.
    """

    def __init__(
        self,
        *,
        folder: pathlib.Path,
        config: ConfigDict,
        images: np.ndarray,
        labels: np.ndarray,
        classes: int,
    ) -> None:
        self._folder = folder
        self._config = config
        self._images = images
        self._labels = labels
        self._classes = classes

    def errors(
        self, activation: str, lr: float, seed: int, most_epochs: int
    ) -> list[float | None]:
        """Training errors after each epoch, up to the target or the end."""
        file = self._folder / f"{activation}-{lr:.3g}-{seed}.json"
        if file.is_file():
            with readable(file):
                errors = json.loads(file.read_text())
            if self._is_over(errors, most_epochs):
                return errors
        errors = self._train(activation, lr, seed, most_epochs)
        with writable(self._folder):
            self._folder.mkdir(exist_ok=True)
            write_text(file, json.dumps(errors) + "\n")
        return errors

    def _train(
        self, activation: str, lr: float, seed: int, most_epochs: int
    ) -> list[float | None]:
        network = four_layer_network(
            self._config,
            self._images.shape[1:],
            self._classes,
            activation,
            lr,
            seed,
        )
        errors = []
        for error in epoch_errors(
            network, self._images, self._labels, self._config, seed
        ):
            # JSON has no nan.
            errors.append(None if math.isnan(error) else error)
            print(
                f"{activation}, lr {lr:.3g}, seed {seed}: training error "
                f"{error:.3f} after epoch {len(errors)}",
                flush=True,
            )
            if self._is_over(errors, most_epochs):
                break
        return errors

    def _is_over(self, errors: list[float | None], most_epochs: int) -> bool:
        return (
            len(errors) >= most_epochs
            or errors[-1] is None
            or errors[-1] <= self._config.target_error
        )


def best_curves(
    trials: Trials, config: ConfigDict, activation: str
) -> tuple[float, list[list[float]]]:
    """(lr, [errors of each seed]) at an activation's best learning rate.

    Raises:
        UserError: no learning rate reaches the target.
    """

    def cost_of(lr: float, to_beat: float) -> float:
        most = min(config.most_epochs, math.ceil(min(to_beat, 10**6)))
        errors = trials.errors(activation, lr, 0, most)
        return epochs_to(config.target_error, _numbers(errors))

    lr, cost = best_lr(cost_of, config.first_lr, config.lr_factor)
    if cost == math.inf:
        raise UserError(
            f"with {activation} no learning rate near {config.first_lr:g} "
            f"reaches a training error of {config.target_error:g} in "
            f"{config.most_epochs} epochs: raise --config.most_epochs or "
            "change --config.first_lr"
        )
    return lr, [
        _numbers(trials.errors(activation, lr, seed, config.most_epochs))
        for seed in range(config.seeds)
    ]


def _numbers(errors: list[float | None]) -> list[float]:
    return [math.nan if error is None else error for error in errors]


def summary(
    curves: dict[str, tuple[float, list[list[float]]]], config: ConfigDict
) -> dict[str, Any]:
    """Epochs to the target for each activation and seed, and their ratio.

    None stands for a target that was not reached.
    """
    epochs = {
        name: [epochs_to(config.target_error, errors) for errors in runs]
        for name, (_, runs) in curves.items()
    }
    medians = {name: statistics.median(e) for name, e in epochs.items()}
    return {
        "target_error": config.target_error,
        "lr": {name: lr for name, (lr, _) in curves.items()},
        "epochs": {
            name: [e if e < math.inf else None for e in runs]
            for name, runs in epochs.items()
        },
        "ratio": medians["tanh"] / medians["relu"]
        if max(medians.values()) < math.inf
        else None,
        "published_ratio": PUBLISHED_RATIO,
    }
