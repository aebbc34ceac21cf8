"""--mode=import_weights: a run folder from another program's weights."""

import json
import pathlib
import shutil
import tempfile
from typing import Any

import keras
from ml_collections import ConfigDict

from alexnet_tf.config import apply_overrides, check_config, config_from_json
from alexnet_tf.data.sources.imagenet_classes import names_by_wnid
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, writable, write_text
from alexnet_tf.files.checksums import file_sha256, seal
from alexnet_tf.files.text import counted
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run, new_run_path
from alexnet_tf.terminal.command import command
from alexnet_tf.weights.file_network import has_mean, network_of
from alexnet_tf.weights.file_weights import FileWeights
from alexnet_tf.weights.read import read_weights
from modes.setup import open_source


def main(options: Options) -> int:
    """Imports --weights into a new run folder; returns the exit code.

    The folder evaluates, predicts and exports as that of a trained network.
    It is there whole or not at all.
    """
    if not options.weights:
        raise UserError("--mode=import_weights needs --weights=FILE")
    run = Run(options.run or new_run_path(options.config_name))
    if run.path.exists() and not _is_empty_folder(run.path):
        raise UserError(f"--run={run.path} exists: name a new folder")
    weights = read_weights(options.weights, options.trust_pickle)
    config = config_of(options, weights)
    network = network_of(options.weights, weights, config, options.mean_file)
    if not has_mean(network):
        raise UserError(
            f"neither {options.weights} nor the config has the mean of the "
            "training images: give --mean_file=FILE"
        )
    if weights.steps is None and weights.config is None:
        print(
            f"{options.weights} has arrays alone; that its network was trained "
            f"with dropout of the {config.model.dropout_kind} kind is assumed "
            "(--config.model.dropout_kind)"
        )
    dataset = dataset_of(options, config, weights)
    with writable(f"run folder {run.path}"):
        write_run(run, config, dataset, network)
    print(
        f"imported {options.weights} into {run.path}: "
        f"{network.count_params():,} numbers, "
        f"{counted(len(dataset['class_names']), 'class', 'classes')}"
        f"\nnext: {command('export', run=run.path)}"
    )
    return 0


def config_of(options: Options, weights: FileWeights) -> ConfigDict:
    """The config of the network that the weights are for.

    Raises:
        UserError: there is none, or two.
    """
    if weights.config is not None:
        if options.config_given:
            raise UserError(
                f"{options.weights} brings its own config: leave --config "
                "away; --config.KEY=VALUE changes single values"
            )
        with readable(options.weights):
            config = config_from_json(weights.config)
        apply_overrides(config, options.overrides)
    elif options.config_given:
        config = options.config
    else:
        raise UserError(
            f"{options.weights} does not say what network it is for: name its "
            "recipe, such as --config=configs/caffe.py"
        )
    if "fc8" in weights.layers:
        config.model.num_classes = weights.layers["fc8"][1].size
    check_config(config)
    return config


def dataset_of(
    options: Options, config: ConfigDict, weights: FileWeights
) -> dict[str, Any]:
    """What dataset.json is to hold, see `Run.read_dataset`.

    Raises:
        UserError: the names of the classes are unknown.
    """
    assert options.weights  # `main` has asked for it
    dataset = weights.dataset or {
        "name": config.data.name,
        "class_names": class_names(options, config),
        "train_images": None,
        "validation_images": None,
        "licence": "The licence of the weights is that of their file.",
    }
    names = dataset["class_names"]
    if len(names) != config.model.num_classes:
        raise UserError(
            f"{options.weights} tells {config.model.num_classes} classes "
            f"apart, but {dataset['name']} has {len(names)}"
        )
    return {
        **dataset,
        "data_dir": options.data_dir
        and str(pathlib.Path(options.data_dir).resolve()),
        "imported_from": {
            "file": pathlib.Path(options.weights).name,
            "sha256": file_sha256(options.weights),
        },
    }


def class_names(options: Options, config: ConfigDict) -> list[str]:
    """Names in label order: of the data set asked for, or ImageNet's."""
    if options.data_dir or "data.name" in options.overrides:
        return list(open_source(config, options).class_names)
    imagenet = list(names_by_wnid().values())
    if config.model.num_classes == len(imagenet):
        return imagenet
    raise UserError(
        f"{options.weights} tells {config.model.num_classes} classes apart "
        "and does not name them: name images of these classes, such as "
        "--config.data.name=folder --data_dir=DIR"
    )


def write_run(
    run: Run, config: ConfigDict, dataset: dict[str, Any], network: keras.Model
) -> None:
    """Writes the run folder beside its place, then renames it."""
    parent = run.path.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".import-") as folder:
        whole = Run(pathlib.Path(folder) / "run")
        whole.create(config)
        write_text(whole.dataset_file, json.dumps(dataset, indent=2) + "\n")
        network.save_weights(whole.best_weights)
        seal(whole.best_weights)
        if run.path.exists():
            run.path.rmdir()
        shutil.move(whole.path, run.path)


def _is_empty_folder(path: pathlib.Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
