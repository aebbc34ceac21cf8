"""How a training begins: with a trained network, --init, or without."""

import copy
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from ml_collections import ConfigDict

from alexnet_tf.config import apply_overrides, differences
from alexnet_tf.data.image_set import Source
from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from alexnet_tf.run.ancestry import record_beginning
from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.command import command
from alexnet_tf.training.state_folders import StateFolders
from alexnet_tf.weights.starting_point import StartingPoint, read_starting_point
from configs import paper

RANDOM = "random"
EMBEDDED = "embedded"
MADE_FOR_EMBEDDED = "demo"  # configs/demo.py, the default recipe
MADE_FOR_INIT = (
    *("finetune", "finetune_small"),
    *("experiment_146_2011", "experiment_146_2012"),
)
# Images of a class: ILSVRC-2012 has 732 to 1300.
FEW_IMAGES = 500
# What a run fills in, and its value until then.
OPEN = {"source": RANDOM, "sha256": "any", "layers": ()}


def begin(options: Options, run: Run) -> tuple[Options, StartingPoint | None]:
    """What a run begins with, and the recipe that may come with it.

    Args:
        options, run: see `starting_point`.

    Returns:
        (options, what `starting_point` returns): the options have the recipe
        of the trained network where none was given.
    """
    start = starting_point(options, run)
    return with_its_recipe(options, run, start), start


def starting_point(options: Options, run: Run) -> StartingPoint | None:
    """What a run begins with.

    Args:
        options: of the mode.
        run: the `Run`, which need not exist.

    Returns:
        A `StartingPoint`; None where the first weights are random, or the run
        has a state to go on from.

    Raises:
        UserError: the source cannot be used, or is not asked for as it has to
            be.
    """
    if run.exists:
        config = run.read_config()
        recorded = config.init.source
        # What starts a job again after its time is up says --init again.
        is_the_same = options.init and _absolute(options.init) == recorded
        if options.init and (run.is_finished or not is_the_same):
            raise UserError(
                f"--init={options.init} is for a new run, and {run.path} holds "
                f"one already: {command('train', run=run.path)} goes on with "
                "it; or name another --run"
            )
        if recorded == RANDOM or StateFolders(run.state_folder).names():
            # A command that is given again has the flags of its source, too.
            if not options.init and not _names_source(options):
                _check_no_file_flags(options)
            return None
        path = recorded
    else:
        path = options.init or options.config.init.source
        if path == RANDOM:
            _check_nothing_is_for_init(options)
            return None
        config = options.config if options.config_given else None
    start = read_starting_point(
        path,
        config,
        trust_pickle=options.trust_pickle,
        mean_file=options.mean_file,
    )
    expected = (config or options.config).init.sha256
    if expected not in (OPEN["sha256"], start.sha256):
        raise UserError(
            f"--init={path}: its weights have another SHA-256, "
            f"{start.sha256}, than config.init.sha256, {expected}"
        )
    return start


def with_its_recipe(
    options: Options, run: Run, start: StartingPoint | None
) -> Options:
    """Options with the recipe of a `StartingPoint` where none was given.

    Its classes are then as many as the data has.
    """
    if start is None or run.exists or options.config_given:
        return options
    config = copy.deepcopy(start.config)
    config.model.num_classes = 0
    config.init = paper.get_config().init
    apply_overrides(config, options.overrides)
    print(f"recipe: that of {start.path}, since no --config was given")
    return dataclasses.replace(options, config=config)


def check_same_beginning(
    options: Options, run: Run, start: StartingPoint | None
) -> None:
    """Raises `UserError` where a run began with something else.

    Args:
        options: of the mode.
        run: a `Run` that exists.
        start: what `starting_point` returned.
    """
    asked = options.init or options.config.init.source
    asked = asked if asked == RANDOM else _absolute(asked)
    init = run.read_config().init
    recorded = init.source
    if asked != recorded:
        began, now = (
            "random weights" if source == RANDOM else source
            for source in (recorded, asked)
        )
        raise UserError(
            f"{run.path} began with {began}, not {now}: name another --run"
        )
    if start and init.sha256 != start.sha256:
        raise UserError(
            f"{run.path} began with other weights of {asked}, SHA-256 "
            f"{init.sha256}, than are there now, {start.sha256}: name another "
            "--run"
        )


def settle_init(
    run: Run, config: ConfigDict, start: StartingPoint | None
) -> None:
    """Fills in what the `init` section of a config leaves open.

    With what the run has recorded or, of a new one, with its source.
    """
    init = config.init
    if init.source != RANDOM:
        init.source = _absolute(init.source)
    if run.exists:
        recorded = run.read_config().init
        for key, value in OPEN.items():
            if init[key] == value:
                init[key] = type(init[key])(recorded[key])
    elif start:
        init.source, init.sha256 = str(start.path), start.sha256


def advice(
    options: Options, config: ConfigDict, source: Source
) -> Iterator[str]:
    """Lines about what would suit the images of a new run better.

    Args:
        options: of the mode.
        config: of the run, settled.
        source: its `Source`.
    """
    is_random = config.init.source == RANDOM
    # With --init and without --config the recipe is the trained network's.
    has_recipe = is_random or options.config_given
    if (
        has_recipe
        and options.config_name == MADE_FOR_EMBEDDED
        and source.name != EMBEDDED
    ):
        yield (
            "configs/demo.py, the default recipe, was made for the embedded "
            "images: --config=configs/photos.py is for a folder of photographs"
        )
    if is_random and options.config_name in MADE_FOR_INIT:
        yield (
            f"the recipe {options.config_name} was made to go on from a "
            "trained network, and this run begins with random weights: add "
            "--init=RUN_OR_WEIGHTS_FILE, or take another recipe"
        )
    images = source.train.size / len(source.class_names)
    if is_random and images < FEW_IMAGES:
        yield (
            f"with {images:.0f} training images a class, under {FEW_IMAGES}, "
            "fine-tuning would help, which begins with a network that was "
            "trained on more: --init=RUN_OR_WEIGHTS_FILE, docs/finetuning.md"
        )


def record_and_tell(
    run: Run,
    config: ConfigDict,
    start: StartingPoint,
    beginning: dict[str, Any],
) -> None:
    """Writes down what a run began with, and says what is to be known.

    Args:
        run: the `Run`.
        config: of it.
        start: the `StartingPoint`.
        beginning: what its `give` returned.
    """
    run.write_config(config)
    record_beginning(run, beginning)
    print(f"begins with {start.path}, SHA-256 {start.sha256}")
    if config.init.shared_classes and beginning["classes"]:
        print(
            f"{beginning['classes']} of {config.model.num_classes} classes "
            "keep their weights"
        )
    for layer, reason in beginning["new_layers"].items():
        print(f"{layer} is new: {reason}")
        if layer in config.train.frozen:
            print(
                f"warning: {layer} is frozen, too: it stays as it was drawn "
                "and never learns"
            )
    if other := start.differences(config):
        print(f"its network computes otherwise: {'; '.join(other)}")


def _check_nothing_is_for_init(options: Options) -> None:
    _check_no_file_flags(options)
    changed = differences("init", paper.get_config(), options.config)
    if changed:
        raise UserError(
            f"config.{changed[0].split()[0]} says how a run begins with a "
            "trained network: add --init=SOURCE, or leave it out"
        )


def _names_source(options: Options) -> bool:
    return options.config_given and options.config.init.source != RANDOM


def _check_no_file_flags(options: Options) -> None:
    for name in ("trust_pickle", "mean_file"):
        if getattr(options, name):
            raise UserError(
                f"--{name} is for the weights file of --init, and none is read "
                "here: leave it out"
            )


def _absolute(path: str) -> str:
    return str(pathlib.Path(path).expanduser().resolve())
