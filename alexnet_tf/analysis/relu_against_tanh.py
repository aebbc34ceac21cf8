"""ReLU against tanh: the network, the search and figure 1 of the paper."""

import dataclasses
import itertools
import json
import math
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.analysis.ablation_table import mean_and_half_width
from alexnet_tf.cifar_network import cifar_network
from alexnet_tf.data.image_set import Source, Split
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.files.figures import save_figure
from alexnet_tf.layers.tower_weights import is_bias
from alexnet_tf.terminal.progress import ProgressReport
from alexnet_tf.training.optimizer import PaperSGD

ACTIVATIONS = ("relu", "tanh")
PUBLISHED_RATIO = 6  # section 3.1

LOOKED_AT = 250  # training images that the share of flat units is of
NEARLY_FLAT = 0.95  # tanh there has a tenth of its steepest slope
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


class Cost(NamedTuple):
    """What a learning rate takes; less is better, the epochs first.

    Attributes:
        epochs: to the target; inf where it was not reached.
        error: of the last epoch, which tells rates apart that do not reach it;
            inf where the loss was not finite.
    """

    epochs: float
    error: float


NEVER = Cost(math.inf, math.inf)


def best_lr(
    cost_of: Callable[[float, Cost], Cost], first: float, factor: float
) -> tuple[float, Cost]:
    """The best learning rate of a geometric ladder, found by walking.

    From `first` to the better neighbour for as long as there is one, so the
    best rate always lies between two worse ones.

    Args:
        cost_of: from (lr, cost to beat) to a cost; may give up, with inf
            epochs, once it needs more than the one to beat. It is asked for
            one rate twice.
        first: where to begin.
        factor: between neighbours.

    Returns:
        (lr, cost).
    """
    lr, cost = first, cost_of(first, NEVER)
    for direction in (factor, 1 / factor):
        while True:
            neighbour = cost_of(lr * direction, cost)
            if not neighbour < cost:
                break
            lr, cost = lr * direction, neighbour
    return lr, cost


def compiled_network(
    config: ConfigDict,
    mean_image: np.ndarray,
    classes: int,
    activation: str,
) -> keras.Sequential:
    """The network of a recipe with the paper's update rule, undecayed.

    Args:
        config: see configs/figure1.py.
        mean_image: float [H, W, 3], 0..255 scale.
        classes: number of classes.
        activation: "relu" or "tanh".

    Returns:
        A compiled `cifar_network`, to be given its start by `begin`.
    """
    network = cifar_network(
        config.network, mean_image.shape, classes, activation=activation
    )
    network.get_layer("mean").set_mean(mean_image)
    network.compile(
        PaperSGD(
            config.first_lr,
            momentum=config.momentum,
            weight_decay=0.0,
            bias_lr_multiplier=config.bias_lr_multiplier,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["sparse_categorical_accuracy"],
        # On a CPU a step takes two thirds of the time, or less.
        jit_compile=True,
    )
    return network


def begin(
    network: keras.Model, config: ConfigDict, lr: float, seed: int
) -> None:
    """Gives a network its start; what XLA compiled for it is kept.

    Args:
        network: see `compiled_network`.
        config: see configs/figure1.py.
        lr: learning rate of the weights.
        seed: integer, for the initial weights.
    """
    start = cifar_network(
        config.network,
        network.input_shape[1:],
        network.output_shape[1],
        seed=seed,
    )
    for new, variable in zip(
        start.trainable_variables, network.trainable_variables, strict=True
    ):
        variable.assign(new)
    if network.optimizer.built:
        for velocity in network.optimizer.velocities:
            velocity.assign(keras.ops.zeros_like(velocity))
    network.optimizer.learning_rate = lr


@dataclasses.dataclass(frozen=True, kw_only=True)
class Epoch:
    """What is kept of an epoch.

    Attributes:
        error: share of the training images that were misclassified as they
            were trained on; nan where the loss was not finite.
        flat: of each layer of neurons, on some training images behind the
            epoch: the share of outputs where the slope is under a tenth of the
            steepest: |tanh| > 0.95, or ReLUs at zero.
        moved: of each layer with weights, the distance that its kernels moved
            in the epoch over their norm before it.
    """

    error: float
    flat: list[float]
    moved: list[float]


def epochs_of(
    network: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    config: ConfigDict,
    activation: str,
    seed: int,
) -> Iterator[Epoch]:
    """Trains without end; yields what each epoch was like.

    Args:
        network: see `begin`.
        images: uint8 [N, H, W, 3].
        labels: int64 [N].
        config: see configs/figure1.py.
        activation: "relu" or "tanh", of the network.
        seed: integer, for the order of the images.

    Yields:
        An `Epoch`; the last one where its error is nan.
    """
    units = [
        layer.output
        for layer in network.layers
        if layer.name.startswith("units")
    ]
    outputs = keras.Model(network.inputs[0], units)
    kernels = [v for v in network.trainable_variables if not is_bias(v)]
    trained = len(images) // config.batch_size * config.batch_size
    for epoch in itertools.count():
        order = np.random.default_rng((seed, epoch)).permutation(len(images))
        order = order[:trained]
        before = [np.array(kernel) for kernel in kernels]
        history = network.fit(
            images[order],
            labels[order],
            batch_size=config.batch_size,
            shuffle=False,
            verbose=0,
        ).history
        if not np.isfinite(history["loss"][0]):
            yield Epoch(error=math.nan, flat=[], moved=[])
            return
        yield Epoch(
            error=1 - history["sparse_categorical_accuracy"][0],
            flat=[
                flat_share(np.array(unit), activation, config.network.tanh[0])
                for unit in outputs(images[:LOOKED_AT])
            ],
            moved=[
                float(np.linalg.norm(kernel - old) / np.linalg.norm(old))
                for kernel, old in zip(kernels, before, strict=True)
            ],
        )


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


def load_images(
    source: Source, split: Split, count: int = 0, crop: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Images of a split and their labels.

    Args:
        source: of images of one size.
        split: one of the source's.
        count: the first so many; 0: all.
        crop: side of the centre that is taken; 0: all of it.

    Returns:
        uint8 [N, H, W, 3], int64 [N].

    Raises:
        UserError: the images differ in size, or are smaller than the crop.
    """
    examples = split.examples.take(count or -1).map(
        lambda example: (source.decode(example["image"]), example["label"]),
        num_parallel_calls=tf.data.AUTOTUNE,  # in order none the less
    )
    images, labels = [], []
    total = min(count or split.size, split.size)
    with ProgressReport("reading", total) as progress:
        for image, label in examples.prefetch(100).as_numpy_iterator():
            images.append(image)
            labels.append(label)
            progress.advance(1)
            if image.shape != images[0].shape:
                raise UserError(
                    f"the images of {source.name} differ in size: they must "
                    "be of one size here, such as cifar10's"
                )
    images = np.stack(images)
    if crop:
        height, width = images.shape[1:3]
        if crop > min(height, width):
            raise UserError(
                f"config.crop={crop} is more than the images have: they are "
                f"{height}x{width}"
            )
        top, left = (height - crop) // 2, (width - crop) // 2
        images = images[:, top : top + crop, left : left + crop]
    return np.ascontiguousarray(images), np.array(labels)


def flat_share(outputs: np.ndarray, activation: str, a: float) -> float:
    """Share of outputs where the slope is under a tenth of the steepest.

    Args:
        outputs: of an activation, any shape.
        activation: "relu", or "tanh" for a tanh(b x).
        a: the factor of tanh.
    """
    if activation == "relu":
        return float(np.mean(outputs <= 0))
    return float(np.mean(np.abs(outputs) > NEARLY_FLAT * a))


class Trials:
    """Trainings, each done once and kept as a JSON file of its epochs.

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
        self._networks: dict[str, keras.Sequential] = {}

    def epochs(
        self, activation: str, lr: float, seed: int, most_epochs: int
    ) -> list[Epoch]:
        """What each epoch was like, up to the target or the end."""
        file = self._folder / f"{activation}-{lr:.3g}-{seed}.json"
        if file.is_file():
            epochs = read_epochs(file)
            if self._is_over(epochs, most_epochs):
                return epochs
        epochs = self._train(activation, lr, seed, most_epochs)
        with writable(self._folder):
            self._folder.mkdir(exist_ok=True)
            write_text(file, json.dumps(list(map(_as_json, epochs))) + "\n")
        return epochs

    def _train(
        self, activation: str, lr: float, seed: int, most_epochs: int
    ) -> list[Epoch]:
        network = self._network(activation)
        begin(network, self._config, lr, seed)
        epochs = []
        for epoch in epochs_of(
            network,
            self._images,
            self._labels,
            self._config,
            activation=activation,
            seed=seed,
        ):
            epochs.append(epoch)
            print(
                f"{activation}, lr {lr:.3g}, seed {seed}: training error "
                f"{epoch.error:.3f} in epoch {len(epochs)}",
                flush=True,
            )
            if self._is_over(epochs, most_epochs):
                break
        return epochs

    def _network(self, activation: str) -> keras.Sequential:
        if activation not in self._networks:
            self._networks[activation] = compiled_network(
                self._config,
                self._images.mean(axis=0, dtype=np.float64),
                self._classes,
                activation,
            )
        return self._networks[activation]

    def _is_over(self, epochs: list[Epoch], most_epochs: int) -> bool:
        return (
            len(epochs) >= most_epochs
            or math.isnan(epochs[-1].error)
            or epochs[-1].error <= self._config.target_error
        )


def read_epochs(file: pathlib.Path) -> list[Epoch]:
    """What `Trials` has kept of a training."""
    with readable(file):
        stored = json.loads(file.read_text())
    return [
        Epoch(**{**values, "error": _number(values["error"])})
        for values in stored
    ]


def _as_json(epoch: Epoch) -> dict[str, Any]:
    # JSON has no nan.
    error = None if math.isnan(epoch.error) else epoch.error
    return {**dataclasses.asdict(epoch), "error": error}


def _number(error: float | None) -> float:
    return math.nan if error is None else error


def _errors(epochs: list[Epoch]) -> list[float]:
    return [epoch.error for epoch in epochs]


def best_curves(
    trials: Trials, config: ConfigDict, activation: str
) -> tuple[float, list[list[float]]]:
    """(lr, [errors of each seed]) at an activation's best learning rate.

    Raises:
        UserError: no learning rate reaches the target.
    """

    def cost_of(lr: float, to_beat: Cost) -> Cost:
        most = min(config.most_epochs, math.ceil(min(to_beat.epochs, 10**6)))
        errors = _errors(trials.epochs(activation, lr, 0, most))
        last = errors[-1] if math.isfinite(errors[-1]) else math.inf
        return Cost(epochs_to(config.target_error, errors), last)

    lr, cost = best_lr(cost_of, config.first_lr, config.lr_factor)
    if cost.epochs == math.inf:
        raise UserError(
            f"with {activation} no learning rate reaches a training error of "
            f"{config.target_error:g} in {config.most_epochs} epochs; with the "
            f"best, {lr:.3g}, "
            + (
                "the loss is not finite: change --config.first_lr"
                if cost == NEVER
                else f"it is {cost.error:.3f} then: raise --config.most_epochs"
            )
            + ". With the same --run all trainings that have ended are kept"
        )
    return lr, [
        _errors(trials.epochs(activation, lr, seed, config.most_epochs))
        for seed in range(config.seeds)
    ]


def summary(
    curves: dict[str, tuple[float, list[list[float]]]], config: ConfigDict
) -> dict[str, Any]:
    """Epochs to the target for each activation and seed, and their ratio.

    The ratio is the geometric mean of the seeds', each of which has the same
    images in the same order for both; its interval of 95 % is that of the
    logarithms by Student's t. None stands for a target that was not reached,
    and for the interval of a single seed.
    """
    epochs = {
        name: [epochs_to(config.target_error, errors) for errors in runs]
        for name, (_, runs) in curves.items()
    }
    ratio = interval = None
    if max(map(max, epochs.values())) < math.inf:
        mean, half_width = mean_and_half_width(
            [
                math.log(tanh / relu)
                for relu, tanh in zip(
                    epochs["relu"], epochs["tanh"], strict=True
                )
            ]
        )
        ratio = math.exp(mean)
        if not math.isnan(half_width):
            interval = [
                math.exp(mean - half_width),
                math.exp(mean + half_width),
            ]
    return {
        "target_error": config.target_error,
        "lr": {name: lr for name, (lr, _) in curves.items()},
        "epochs": {
            name: [e if e < math.inf else None for e in runs]
            for name, runs in epochs.items()
        },
        "ratio": ratio,
        "interval": interval,
        "published_ratio": PUBLISHED_RATIO,
    }
