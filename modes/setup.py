"""Steps that several modes begin with."""

import pathlib
from collections.abc import Callable, Sequence

from ml_collections import ConfigDict

from alexnet_tf.config import apply_overrides, check_config, flattened
from alexnet_tf.data.damage import DATA_ERRORS, listed
from alexnet_tf.data.image_set import Damaged, Source
from alexnet_tf.data.records import Records
from alexnet_tf.data.remembered import has_held_out, read_remembered
from alexnet_tf.data.sources.open_source import load_source
from alexnet_tf.data.statistics import (
    Statistics,
    imagenet_statistics,
    load_or_measure,
)
from alexnet_tf.errors import UserError
from alexnet_tf.files.text import counted, few
from alexnet_tf.options import HOLDOUT_KEYS, Options
from alexnet_tf.run.folder import Run


def config_for(options: Options, run: Run | None) -> ConfigDict:
    """The config to work with: the run's own, or the one asked for.

    A run keeps its config; --config.KEY=VALUE changes single values of it.
    """
    if run is None or not run.exists:
        config = options.config
    elif options.config_given:
        config = options.config
        check_class_count(run, config)
    else:
        config = run.read_config()
        apply_overrides(config, options.overrides)
    check_config(config)
    return config


def check_class_count(run: Run, config: ConfigDict) -> None:
    """Raises `UserError` if a recipe is for other images than a run's.

    Before any image is asked for: the recipe may name ImageNet.
    """
    trained, asked = (
        run.read_config().model.num_classes,
        (config.model.num_classes),
    )
    if asked not in (0, trained):
        raise UserError(
            f"{run.path} has another recipe: its network tells {trained} "
            f"classes apart, that of --config {asked}; omit --config, or "
            "name another --run"
        )


def data_dir_for(options: Options, run: Run | None) -> str | None:
    """--data_dir, or where the run's images were last time."""
    if options.data_dir is None and run and run.dataset_file.is_file():
        return run.read_dataset()["data_dir"]
    return options.data_dir


def open_source(
    config: ConfigDict,
    options: Options,
    run: Run | None = None,
    damaged: list[Damaged] | None = None,
    known: tuple[str, ...] | None = None,
    every_class: bool = False,
) -> Source:
    """The source that a config names.

    Args:
        config, options: of the mode.
        run: it belongs to: its data are where they were, and the images that
            it held out are held out.
        damaged, known, every_class: see `load_source`.

    Raises:
        UserError: the source cannot be used, or the run's data are gone.
    """
    data_dir = data_dir_for(options, run)
    if (
        run
        and data_dir
        and options.data_dir is None
        and not pathlib.Path(data_dir).exists()
    ):
        raise UserError(
            f"{data_dir}, where the images of {run.path} were, is not there "
            "any more: say with --data_dir where they are now"
        )
    remembered = None
    # A run whose weights were imported has seen no images here.
    if run and (run.images_file.is_file() or run.statistics_file.is_file()):
        remembered = read_remembered(run.images_file)
    source = load_source(
        config.data,
        config.train.seed,
        data_dir,
        options.download,
        damaged,
        remembered,
        known,
        every_class,
    )
    assert source.validation  # images are held out where there is none
    if run and run.exists and has_held_out(source.validation, remembered):
        own = flattened(run.read_config().to_dict())
        asked = flattened(config.to_dict())
        for key in HOLDOUT_KEYS:
            if asked[key] != own.get(key, asked[key]):
                print(
                    f"config.{key}={asked[key]} does not change which images "
                    f"are held out: {run.path} remembers them"
                )
    return source


def settle_class_count(config: ConfigDict, source: Source) -> None:
    """Replaces a `num_classes` of 0 by the source's.

    Raises:
        UserError: the config has another number.
    """
    classes = len(source.class_names)
    if config.model.num_classes == 0:
        config.model.num_classes = classes
    if config.model.num_classes != classes:
        raise UserError(
            f"{source.name} has {counted(classes, 'class', 'classes')}"
            ", but config.model."
            f"num_classes is {config.model.num_classes}: set it to {classes}, "
            "or to 0 for as many as the data has"
        )


def check_same_classes(run: Run, source: Source) -> None:
    """Raises `UserError` if the run was trained on other classes."""
    trained, found = run.read_dataset()["class_names"], source.class_names
    if list(found) != trained:
        raise UserError(
            f"{run.path} was trained on the {len(trained)} classes "
            f"{few(trained)}, but {source.name} has the {len(found)} "
            f"classes {few(found)}{_changes(trained, found)}: name the "
            "images it was trained on with --data_dir, or train a new run on "
            "these"
        )


def _changes(trained: Sequence[str], found: Sequence[str]) -> str:
    """What came and went, as ", with y, without x"; nothing but the order."""
    came = [name for name in found if name not in trained]
    went = [name for name in trained if name not in found]
    return "".join(
        f", {word} {few(names)}"
        for word, names in (("with", came), ("without", went))
        if names
    )


def open_records(
    config: ConfigDict, source: Source, run: Run
) -> tuple[Records, Records, Statistics]:
    """Training and validation `Records` and the run's `Statistics`.

    The statistics are the source's or, on first use, measured, which also
    finds the images that cannot be decoded.
    """
    assert source.validation  # images are held out where there is none
    train, validation = (
        Records(source, split, config.data.cache_gb)
        for split in (source.train, source.validation)
    )
    try:
        statistics = load_or_measure(
            run.statistics_file,
            data_fingerprint(config, source),
            train,
            validation,
            known_statistics(config, source),
        )
    except DATA_ERRORS:
        damaged = train.find_damaged() + validation.find_damaged()
        if not damaged:
            raise
        raise UserError(
            f"{counted(len(damaged), 'image is', 'images are')} damaged or "
            "gone before training "
            f"began: {listed(damaged)}; copy the set again, or prepare it "
            "again"
        ) from None
    return train, validation, statistics


def known_statistics(
    config: ConfigDict, source: Source
) -> Callable[[str], Statistics] | None:
    """What gives the statistics without a pass over the images, or None."""
    if config.data.statistics == "imagenet":
        return imagenet_statistics
    return source.statistics


def data_fingerprint(config: ConfigDict, source: Source) -> str:
    """Identifies the images, and which of them the config takes."""
    chosen = f"limit {config.data.limit}, seed {config.train.seed}"
    held_out = f"holdout {config.data.holdout}"
    if config.data.holdout_folds:
        held_out = f"fold {config.data.fold} of {config.data.holdout_folds}"
    return f"{source.name}: {source.fingerprint}, {chosen}, {held_out}"
