"""--mode=figure1: ReLU against tanh, as figure 1 of the paper."""

import json
import pathlib
from typing import Any

from ml_collections import ConfigDict

from alexnet_tf.analysis.relu_against_tanh import (
    ACTIVATIONS,
    Trials,
    best_curves,
    draw_figure1,
    load_images,
    summary,
)
from alexnet_tf.cifar_network import layer_names
from alexnet_tf.config import check_values
from alexnet_tf.data.sources.open_source import open_whole_source
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.options import Options
from alexnet_tf.run.folder import new_run_path
from configs.figure1 import Recipe

# Keys that decide which trainings there are, and not what one is like.
OF_THE_SEARCH = ("first_lr", "lr_factor", "most_epochs", "seeds")


def main(options: Options) -> int:
    """Searches both learning rates, repeats the best; returns the exit code.

    Every finished training is kept in the run folder, and a repeated command
    goes on after it.
    """
    config = options.config
    if "most_epochs" not in config:
        raise UserError("--mode=figure1 needs --config=configs/figure1.py")
    check_values(config, Recipe)
    check_network(config.network)
    source = open_whole_source(
        config.data_name, options.data_dir, options.download
    )
    folder = pathlib.Path(options.run or new_run_path("figure1"))
    keep_config(folder, config.to_json(indent=2) + "\n")
    images, labels = load_images(
        source, source.train, config.images, config.crop
    )
    if config.batch_size > len(images):
        raise UserError(
            f"config.batch_size={config.batch_size} is more than the "
            f"{len(images)} training images"
        )
    trials = Trials(
        folder=folder / "trials",
        config=config,
        images=images,
        labels=labels,
        classes=len(source.class_names),
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


def check_network(values: ConfigDict) -> None:
    """Whether the network's layers all have their values.

    Raises:
        UserError: they have not.
    """
    names = layer_names(values)
    with_kernels = [name for name in names if name not in ("fc", "softmax")]
    if len(values.kernels) != len(with_kernels):
        raise UserError(
            f"config.network.kernels={tuple(values.kernels)}: give one number "
            f"for each of {', '.join(with_kernels)}"
        )
    if len(values.weight_std) not in (0, len(names)):
        raise UserError(
            f"config.network.weight_std={tuple(values.weight_std)}: give one "
            f"deviation for each of {', '.join(names)}, or none"
        )


def keep_config(folder: pathlib.Path, text: str) -> None:
    """Writes config.json.

    Raises:
        UserError: the folder has the trainings of another config, but for
            `OF_THE_SEARCH`.
    """
    file = folder / "config.json"
    if file.is_file():
        with readable(file):
            before, now = json.loads(file.read_text()), json.loads(text)
        if before | dict.fromkeys(OF_THE_SEARCH) != now | dict.fromkeys(
            OF_THE_SEARCH
        ):
            raise UserError(
                f"{folder} has trainings of other config values: name a new "
                "folder with --run"
            )
    with writable(f"run folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(file, text)


def print_summary(
    result: dict[str, Any], config: ConfigDict, folder: pathlib.Path
) -> None:
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
    if result["interval"]:
        ratio += " ({:.2f} to {:.2f})".format(*result["interval"])
    print(
        f"mean ratio {ratio}; the paper's is "
        f"{result['published_ratio']}; figure: {folder / 'figure1.png'}"
    )
