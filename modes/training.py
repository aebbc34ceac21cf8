"""Training as --mode=train and --mode=ablate do it: one run, to its test."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator

import numpy as np
from ml_collections import ConfigDict

from alexnet_tf.analysis.epoch_pictures import EpochPictures
from alexnet_tf.check.short_look import short_look
from alexnet_tf.config import config_to_json, differences
from alexnet_tf.data.damage import DamageLog, read_damaged
from alexnet_tf.data.image_set import Source
from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.records import Records
from alexnet_tf.data.remembered import (
    check_contents,
    read_remembered,
    write_remembered,
)
from alexnet_tf.data.statistics import load_checked
from alexnet_tf.errors import START_AGAIN, StartAgain, UserError
from alexnet_tf.evaluation.outcome import (
    evaluate_and_report,
    outcome_values,
)
from alexnet_tf.files.text import counted
from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.network import build_network
from alexnet_tf.options import Options
from alexnet_tf.report.live.beside import watched
from alexnet_tf.run.folder import Run, new_run_path
from alexnet_tf.run.lock import locked
from alexnet_tf.run.provenance import NO_ONEDNN, multiplies_itself
from alexnet_tf.run.trained import load_weights
from alexnet_tf.terminal.command import command
from alexnet_tf.training.class_weights import check_class_weights, class_weights
from alexnet_tf.training.diagnosis import memory_advice
from alexnet_tf.training.fit import Fit, Job
from alexnet_tf.training.interrupts import Interrupted, Interrupts
from alexnet_tf.training.optimizer import make_optimizer
from alexnet_tf.training.trainer import Trainer
from alexnet_tf.weights.starting_point import StartingPoint
from alexnet_tf.workers.alone import Workers
from alexnet_tf.workers.join import join_workers, losing_workers
from modes.beginning import advice, record_and_tell, settle_init
from modes.setup import (
    check_same_classes,
    config_for,
    data_dir_for,
    data_fingerprint,
    open_records,
    open_source,
    settle_class_count,
)

# What a run cannot change once it has begun: the network, and which images
# come in which order.
FIXED_KEYS = (
    *("model.", "init.", "train.seed ", "train.batch_size "),
    *("data.name ", "data.limit ", "data.holdout ", "data.shuffle_buffer "),
    *("data.holdout_folds ", "data.fold ", "data.sampling "),
    "train.monitor ",
    *("data.cache_gb ", "data.statistics "),
    *("data.augment ", "data.crop_shared_by "),
    *("data.crop_scale ", "data.crop_ratio ", "train.weight_average "),
)


Begin = Callable[[Options, Run], tuple[Options, StartingPoint | None]]


def train(options: Options, begin: Begin | None = None, watch: int = -1) -> int:
    """Trains, or continues, a run, then tests it with ten crops.

    Args:
        options: of the mode.
        begin: `modes.beginning.begin` where a run may begin with a trained
            network.
        watch: port of a page about the run, see `watched`.

    Returns:
        The exit code: 0, also after SIGTERM; 1 when the loss stopped being
        finite or another worker was lost; 130 after Ctrl-C; `START_AGAIN`
        when all workers have to.
    """
    run = Run(options.run or new_run_path(options.config_name))
    workers = join_workers(options.run)
    try:
        with (
            watched(run, -1 if workers.rank else watch),
            Interrupts() as interrupts,
            losing_workers(run, workers),
        ):
            start = None
            if begin:
                options, start = begin(options, run)
            return train_run(options, run, interrupts, workers, start)
    except StartAgain as stop:
        print(f"main.py: worker {workers.rank}: {stop}", file=sys.stderr)
        return START_AGAIN
    except KeyboardInterrupt as stop:
        if not workers.rank:
            how = run.how_to_go_on if run.exists else "nothing was begun"
            print(f"{str(stop) or 'stopped at once'}; {how}")
        return stop.exit_code if isinstance(stop, Interrupted) else 130


def train_run(
    options: Options,
    run: Run,
    interrupts: Interrupts,
    workers: Workers,
    start: StartingPoint | None,
) -> int:
    """What `train` does while it handles signals; returns its exit code."""
    config = config_for(options, run)
    settle_init(run, config, start)
    if run.exists and not options.config_given and not workers.rank:
        run.say_what_config_lacks("data", "model", "train")
    if run.exists:  # before images are asked for that it was not trained on
        check_same_recipe(run, config)
    damaged = [d for _, d in read_damaged(run.damaged_file)]
    source = open_source(config, options, run, damaged if run.exists else None)
    if run.exists and run.dataset_file.is_file():
        check_same_classes(run, source)
    settle_class_count(config, source)
    check_class_weights(config.train, source.class_names)
    check_workers(config, workers)
    devices = resolve_tower_devices(
        options.tower_devices, config.model.towers, workers.device_prefix
    )
    check_xla(config.train, devices)
    workers.check_agreement(
        "config or data",
        config_to_json(config)
        + source.fingerprint
        + (start.sha256 if start else ""),
    )
    job = Job(run, config, workers, interrupts)
    if workers.rank:
        # Worker 0 alone writes the run folder.
        with memory_advice(config.train, run):
            return train_and_test(job, source, devices, start)
    assert source.validation  # images are held out where there is none
    is_new = not run.path.exists()
    with locked(run):
        if run.exists:  # once more: another process may have begun it
            check_same_recipe(run, config)
        if run.statistics_file.is_file():
            load_checked(run.statistics_file, data_fingerprint(config, source))
            check_contents(
                source,
                read_remembered(run.images_file),
                run.path,
                [image.name for image in damaged],
            )
        run.write_dataset(source, data_dir_for(options, run))
        run.create(config)
        is_begun = run.images_file.is_file()
        if not is_begun:
            write_remembered(run.images_file, source)
        run.finished_file.unlink(missing_ok=True)
        print(
            f"run {run.path}: {source.title or source.name}, "
            f"{source.train.size:,} training and "
            f"{counted(source.validation.size, 'validation image')}, "
            f"{counted(len(source.class_names), 'class', 'classes')}\n"
            f"towers on {', '.join(filter(None, devices)) or 'default device'}"
            + (f", {workers.size} workers" if workers.size > 1 else "")
        )
        if not is_begun:
            look_at_images(source, options)
            for line in advice(options, config, source):
                print(line)
        try:
            with memory_advice(config.train, run):
                return train_and_test(job, source, devices, start)
        except UserError:
            if is_new and not run.can_go_on:
                shutil.rmtree(run.path)
            raise


def train_and_test(
    job: Job,
    source: Source,
    devices: tuple[str | None, ...],
    start: StartingPoint | None,
) -> int:
    """What `train` does once the run folder stands; returns its exit code."""
    run, config, workers = job.run, job.config, job.workers
    with placement(devices):
        network = build_network(
            config.model, config.train.seed, config.train.precision
        )
    beginning = start and start.give(network, config, tuple(source.class_names))
    with in_turn(workers):  # the first measures what the others read
        train, validation, statistics = open_records(config, source, run)
    if not beginning or beginning["statistics"] == "measured":
        network.get_layer("mean").set_mean(statistics.mean_image)
        network.get_layer("lighting").set_principal_components(
            *statistics.principal_components()
        )
    if beginning:
        settled = type(config.init.layers)(beginning["layers"])
        config.init.layers = config.init.layers or settled
        if not workers.rank:
            assert start  # it gave what the network begins with
            record_and_tell(run, config, start, beginning)
    class_names = tuple(source.class_names)
    weights = class_weights(config.train, class_names, train.images_of_classes)
    if weights is not None and not workers.rank:
        print(weights_in_words(class_names, weights))
    trainer = Trainer(
        network,
        make_optimizer(config.train),
        accumulate=config.train.accumulate,
        workers=workers,
        xla=config.train.xla,
        frozen=config.train.frozen,
        class_weights=weights,
        label_smoothing=config.train.label_smoothing,
        weight_average=config.train.weight_average,
    )
    batches = TrainingBatches(
        train,
        config.train.batch_size,
        crop=config.model.crop,
        seed=config.train.seed,
        shuffle_buffer=config.data.shuffle_buffer,
        worker=workers.rank,
        workers=workers.size,
        augment=config.data.augment,
        crop_shared_by=config.data.crop_shared_by,
        crop_scale=config.data.crop_scale,
        crop_ratio=config.data.crop_ratio,
        balanced=config.data.sampling == "balanced",
    )
    if not workers.rank:
        print(updates_in_words(batches, config.train))
        for line in repetition_in_words(config.train.precision):
            print(line)
    with in_turn(workers):  # The others read what the first lists.
        damage = DamageLog(
            run.damaged_file,
            {"train": train, "validation": validation},
            config.data.max_damaged,
        )
        if not workers.rank:
            damage.find(rewritten=True)
    fit = Fit(
        job,
        trainer=trainer,
        batches=batches,
        validation=validation,
        damage=damage,
        watchers=[
            EpochPictures(
                run,
                validation,
                config.model.crop,
                config.model.channel_order,
            )
        ],
    )
    if not fit.to_the_end():
        return 1
    if not workers.rank:
        test(job, source, devices, validation)
    # A worker that ends is one that fell silent to the others.
    workers.wait_for_all()
    return 0


def look_at_images(source: Source, options: Options) -> None:
    """Says what a second's look at a user's own images tells."""
    if told := short_look(source):
        how = command(
            "check", config__data__name=source.name, data_dir=options.data_dir
        )
        print(f"{told}; all of them are looked at, for more, by\n  {how}")


def weights_in_words(names: tuple[str, ...], weights: np.ndarray) -> str:
    """The classes that count least and most."""
    least, most = int(np.argmin(weights)), int(np.argmax(weights))
    return (
        f"weights of the classes in the loss: {weights[least]:.3g} "
        f"({names[least]}) to {weights[most]:.3g} ({names[most]})"
    )


def updates_in_words(batches: TrainingBatches, train: ConfigDict) -> str:
    """How many updates the weights get: of few images they are few."""
    steps = batches.steps_per_epoch
    few = (
        ", there are no more images"
        if batches.batch_size < train.batch_size
        else ""
    )
    return (
        f"{counted(train.epochs, 'epoch')} of {counted(steps, 'update')}, "
        f"{train.epochs * steps:,} in all, in batches of "
        f"{batches.batch_size}{few}; "
        "--config.train.epochs sets their number"
    )


def repetition_in_words(precision: str) -> list[str]:
    """That 16-bit products do not repeat on this processor, or nothing.

    Seen with TensorFlow 2.21 on a busy Xeon that has both: oneDNN's kernels
    for AMX gave probabilities in bfloat16 that differed by up to 0.003, and a
    run in float16 that was continued was not the same to the bit.
    """
    if os.environ.get(NO_ONEDNN) == "0" or not multiplies_itself(precision):
        return []
    return [
        f"in {precision} oneDNN may round differently on this processor from "
        "one time to the next, so a continued run need not be equal bit for "
        f"bit to one that was never stopped; {NO_ONEDNN}=0 in the environment "
        "leaves oneDNN out, and is slower"
    ]


def test(
    job: Job,
    source: Source,
    devices: tuple[str | None, ...],
    validation: Records,
) -> None:
    """The ten-crop test of the best weights."""
    run, config = job.run, job.config
    # The network that the other modes will see, whatever the precision was.
    with placement(devices):
        network = build_network(config.model, config.train.seed)
    load_weights(network, run.best_weights, run)
    outcome = evaluate_and_report(
        run,
        network,
        config.model.crop,
        source,
        validation,
        crops=10,
        data_dir=run.read_dataset()["data_dir"],
    )
    run.finish(outcome_values(outcome))
    print(
        f"best weights, curves and test results are in {run.path}\n"
        f"next: {command('export', run=run.path)}"
    )


@contextlib.contextmanager
def in_turn(workers: Workers) -> Iterator[None]:
    """Worker 0 runs the block first, then all others do."""
    if workers.rank:
        workers.wait_for_all()
    yield
    if not workers.rank:
        workers.wait_for_all()


def check_workers(config: ConfigDict, workers: Workers) -> None:
    """Refuses a batch that the workers cannot share equally."""
    if config.train.batch_size % workers.size:
        raise UserError(
            f"config.train.batch_size={config.train.batch_size} is the batch "
            f"of all {workers.size} workers together: make it a multiple of "
            f"{workers.size}"
        )


def check_same_recipe(run: Run, config: ConfigDict) -> None:
    """Refuses to continue a run with another network or order of images.

    Args:
        run: a `Run` that exists.
        config: its class count may still be 0, for as many as there are.
    """
    if run.dataset_file.is_file() and "imported_from" in run.read_dataset():
        raise UserError(
            f"{run.path} holds imported weights, no training to continue: "
            f"name another --run, and --init={run.path} to begin with them"
        )
    before = run.read_config()
    if config.model.num_classes == 0:
        before.model.num_classes = 0
    changed = [
        difference
        for section in ("data", "model", "init", "train")
        for difference in differences(section, before, config)
        if difference.startswith(FIXED_KEYS)
    ]
    if changed:
        raise UserError(
            f"{run.path} holds a run with other values "
            f"({'; '.join(changed)}): omit --config to continue it, or "
            "name another --run"
        )


def check_xla(train: ConfigDict, devices: tuple[str | None, ...]) -> None:
    """Refuses XLA where the towers are bound to devices."""
    if train.xla and any(devices):
        raise UserError(
            "config.train.xla is True, and an XLA program runs on one device: "
            f"not with towers on {', '.join(filter(None, devices))}; omit it "
            "or add --tower_devices=none"
        )
