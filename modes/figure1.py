"""--mode=figure1: ReLU against tanh, as figure 1 of the paper."""

import json
import math
import pathlib
import statistics

import numpy as np

from alexnet_tf.analysis.relu_against_tanh import (
    best_lr,
    draw_figure1,
    epoch_errors,
    epochs_to,
    four_layer_network,
)
from alexnet_tf.config import check_values
from alexnet_tf.data.sources.open_source import open_whole_source
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.run.folder import new_run_path
from alexnet_tf.terminal.progress import ProgressReport
from configs.figure1 import Recipe

ACTIVATIONS = ("relu", "tanh")
PUBLISHED_RATIO = 6  # section 3.1


def main(options):
    """Searches both learning rates, repeats the best; returns the exit code.

    Every finished training is kept in the run folder, and a repeated command
    goes on after it.
    """
    config = options.config
    if "most_epochs" not in config:
        raise UserError("--mode=figure1 needs --config=configs/figure1.py")
    check_values(config, Recipe)
    if len(config.weight_std) not in (0, len(config.kernels) + 1):
        raise UserError(
            f"config.weight_std={tuple(config.weight_std)}: give one deviation "
            f"for each of the {len(config.kernels) + 1} layers, or none"
        )
    source = open_whole_source(
        config.data_name, options.data_dir, options.download
    )
    folder = pathlib.Path(options.run or new_run_path("figure1"))
    keep_config(folder, config.to_json(indent=2) + "\n")
    images, labels = load_images(source)
    trials = Trials(
        folder / "trials", config, images, labels, len(source.class_names)
    )
    curves = {name: best_curves(trials, config, name) for name in ACTIVATIONS}
    result = summary(curves, config)
    with writable(f"run folder {folder}"):
        draw_figure1(folder / "figure1.png", curves, config.target_error)
        write_text(folder / "figure1.json", json.dumps(result, indent=2) + "\n")
    print_summary(result, config, folder)
    if options.json:
        print(json.dumps(result))
    return 0


def keep_config(folder, text):
    """Writes config.json.

    Raises:
        UserError: the folder has the trainings of another config.
    """
    file = folder / "config.json"
    if file.is_file():
        with readable(file):
            if file.read_text() != text:
                raise UserError(
                    f"{folder} has trainings of other config values: name a "
                    "new folder with --run"
                )
    with writable(f"run folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(file, text)


def load_images(source):
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

    def __init__(self, folder, config, images, labels, classes):
        self._folder = folder
        self._config = config
        self._images = images
        self._labels = labels
        self._classes = classes

    def errors(self, activation, lr, seed, most_epochs):
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

    def _train(self, activation, lr, seed, most_epochs):
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

    def _is_over(self, errors, most_epochs):
        return (
            len(errors) >= most_epochs
            or errors[-1] is None
            or errors[-1] <= self._config.target_error
        )


def best_curves(trials, config, activation):
    """(lr, [errors of each seed]) at an activation's best learning rate.

    Raises:
        UserError: no learning rate reaches the target.
    """

    def cost_of(lr, to_beat):
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


def _numbers(errors):
    return [math.nan if error is None else error for error in errors]


def summary(curves, config):
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


def print_summary(result, config, folder):
    """The best learning rates, epochs and ratio."""
    for name in ACTIVATIONS:
        epochs = ", ".join(
            f"{e:.2f}" if e else "never" for e in result["epochs"][name]
        )
        print(
            f"{name}: best lr {result['lr'][name]:.3g}, epochs to a training "
            f"error of {config.target_error:.0%}: {epochs}"
        )
    ratio = f"{result['ratio']:.2f}" if result["ratio"] else "unknown"
    print(
        f"ratio of the medians {ratio}; the paper's is "
        f"{result['published_ratio']}; figure: {folder / 'figure1.png'}"
    )
