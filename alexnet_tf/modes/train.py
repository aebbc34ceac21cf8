"""--mode=train: from images to a trained network in a run folder."""

import shutil
import sys

import tensorflow as tf

from alexnet_tf.config import differences
from alexnet_tf.data.pipeline import TrainingBatches, centre_crop_batches
from alexnet_tf.data.statistics import load_checked
from alexnet_tf.errors import UserError
from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.modes.evaluate import evaluate_and_report
from alexnet_tf.modes.setup import (
    check_same_classes,
    config_for,
    data_dir_for,
    data_fingerprint,
    open_records,
    open_source,
    settle_class_count,
)
from alexnet_tf.network import build_network
from alexnet_tf.run import Run, new_run_path
from alexnet_tf.run_lock import locked
from alexnet_tf.trained import load_weights
from alexnet_tf.training.diagnosis import first_not_finite
from alexnet_tf.training.epoch_report import EpochReport
from alexnet_tf.training.events import Events
from alexnet_tf.training.flat_loss import FlatLossAlarm
from alexnet_tf.training.history import History
from alexnet_tf.training.interrupts import (
    Interrupted,
    Interrupts,
    InterruptSaver,
)
from alexnet_tf.training.last_validation import end_epoch
from alexnet_tf.training.loss_scale import OVERFLOW_UNSCALED
from alexnet_tf.training.lr_drops import DropsByHand, PlateauDrops
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.out_of_memory import memory_advice
from alexnet_tf.training.placement_report import PlacementReport
from alexnet_tf.training.progress import TrainingProgress
from alexnet_tf.training.state import State
from alexnet_tf.training.state_keeper import StateKeeper
from alexnet_tf.training.trainer import NOT_FINITE, Trainer

# What a run cannot change once it has begun: the network, and which images
# come in which order.
FIXED_KEYS = (
    *("model.", "train.seed ", "train.batch_size "),
    *("data.name ", "data.limit ", "data.holdout ", "data.shuffle_buffer "),
    *("data.cache_gb ", "data.statistics "),
)


def main(options):
    """Trains, or continues, a run, then tests it with ten crops.

    Returns:
        The exit code: 0, also after SIGTERM; 1 when the loss stopped being
        finite; 130 after Ctrl-C.
    """
    run = Run(options.run or new_run_path(options.config_name))
    try:
        with Interrupts() as interrupts:
            return train_run(options, run, interrupts)
    except KeyboardInterrupt as stop:
        how = run.how_to_go_on if run.exists else "nothing was begun"
        print(f"{str(stop) or 'stopped at once'}; {how}")
        return stop.exit_code if isinstance(stop, Interrupted) else 130


def train_run(options, run, interrupts):
    """What `main` does while it handles signals; returns its exit code."""
    config = config_for(options, run)
    source = open_source(config, options, run)
    settle_class_count(config, source)
    devices = resolve_tower_devices(options.tower_devices, config.model.towers)
    check_xla(config.train, devices)
    is_new = not run.path.exists()
    with locked(run):
        if run.exists:
            check_same_run(run, config, source)
        run.write_dataset(source, data_dir_for(options, run))
        run.create(config)
        print(
            f"run {run.path}: {source.name}, {source.train.size} training and "
            f"{source.validation.size} validation images, "
            f"{len(source.class_names)} classes\n"
            f"towers on {', '.join(filter(None, devices)) or 'default device'}"
        )
        try:
            with memory_advice(config.train, run):
                return train_and_test(run, config, source, devices, interrupts)
        except UserError:
            if is_new and not run.can_go_on:
                shutil.rmtree(run.path)
            raise


def train_and_test(run, config, source, devices, interrupts):
    """What `main` does once the run folder stands; returns its exit code."""
    train, validation, statistics = open_records(config, source, run)
    with placement(devices):
        network = build_network(
            config.model, config.train.seed, config.train.precision
        )
    network.get_layer("mean").set_mean(statistics.mean_image)
    network.get_layer("lighting").set_principal_components(
        *statistics.principal_components()
    )
    trainer = Trainer(
        network,
        make_optimizer(config.train),
        config.train.accumulate,
        xla=config.train.xla,
    )
    batches = TrainingBatches(
        train,
        config.train.batch_size,
        config.model.crop,
        config.train.seed,
        config.data.shuffle_buffer,
    )
    if batches.batch_size < config.train.batch_size:
        print(f"batches of {batches.batch_size}: there are no more images")
    if not fit(run, config, trainer, batches, validation, interrupts):
        return 1
    if config.train.precision != "float32":
        # The network that the other modes will see.
        with placement(devices):
            network = build_network(config.model, config.train.seed)
    load_weights(network, run.best_weights, run)
    evaluate_and_report(
        run, network, config.model.crop, source, validation, crops=10
    )
    print(
        f"best weights, curves and test results are in {run.path}\n"
        f"next: python main.py --mode=export --run={run.path}"
    )
    return 0


def check_same_run(run, config, source):
    """Refuses to continue a run with another network or other images."""
    before = run.read_config()
    changed = [
        difference
        for section in ("data", "model", "train")
        for difference in differences(section, before, config)
        if difference.startswith(FIXED_KEYS)
    ]
    if changed:
        raise UserError(
            f"{run.path} holds a run with other values "
            f"({'; '.join(changed)}): leave --config away to continue it, or "
            "name another --run"
        )
    if run.dataset_file.is_file():
        check_same_classes(run, source)
    if run.statistics_file.is_file():
        load_checked(run.statistics_file, data_fingerprint(config, source))


def check_xla(train, devices):
    """Refuses XLA where the towers are bound to devices."""
    if train.xla and any(devices):
        raise UserError(
            "config.train.xla is True, and an XLA program runs on one device: "
            f"not with towers on {', '.join(devices)}; leave it away or add "
            "--tower_devices=none"
        )


def make_optimizer(train):
    """The paper's update rule with a config's `train` section."""
    return PaperSGD(
        train.lr,
        train.momentum,
        train.weight_decay,
        train.bias_lr_multiplier,
        train.decay_biases,
    )


def make_lr_drops(train):
    """The callback that lowers the learning rate."""
    if train.lr_drop_epochs:
        return DropsByHand(train.lr_drop_factor, train.lr_drop_epochs)
    return PlateauDrops(
        train.lr_drop_factor,
        train.patience,
        train.min_improvement,
        train.lr_drops,
    )


def fit(run, config, trainer, batches, validation, interrupts):
    """Trains to the end; returns whether the loss stayed finite.

    Raises:
        Interrupted: a signal came; everything is saved.
        UserError: no state is sound, or none can be written.
    """
    train = config.train
    drops = make_lr_drops(train)
    state = State(run, trainer, drops, train.lr)
    state.restore()
    if state.epoch or state.step:
        print(f"continuing after {state.place}")
    progress = TrainingProgress(train.epochs, batches.batch_size)
    placement_report = PlacementReport(batches.batch_size)
    callbacks = [
        EpochReport(batches.batch_size),
        drops,
        FlatLossAlarm(
            config.model.num_classes,
            train.flat_loss_steps,
            train.flat_loss_margin,
            sample=lambda: next(iter(batches.stream()))[0],
            steps_done=lambda: state.step,
        ),
        Events(run),
        History(run, state.rows, train.epochs),
        StateKeeper(state, train.save_every_steps, train.save_every_minutes),
        placement_report,
        progress,
        InterruptSaver(state, interrupts),
    ]
    validation_batches = centre_crop_batches(
        validation, batches.batch_size, config.model.crop
    )
    try:
        with interrupts.deferred():
            if state.step == batches.steps_per_epoch:
                end_epoch(trainer, state.epoch, validation_batches, callbacks)
            epochs = state.epoch if drops.finished else train.epochs
            for first, last, steps in segments(state, batches, epochs):
                trainer.fit(
                    batches.stream(first, batches.steps_per_epoch - steps),
                    initial_epoch=first,
                    epochs=last,
                    steps_per_epoch=steps,
                    validation_data=validation_batches,
                    shuffle=False,
                    verbose=0,
                    callbacks=callbacks,
                )
                if trainer.stop_training:
                    break
    except tf.errors.InvalidArgumentError as error:
        reasons = [
            r for r in (NOT_FINITE, OVERFLOW_UNSCALED) if r in str(error)
        ]
        if not reasons:
            raise
        progress.close()
        report_not_finite(run, config, trainer, batches, state, reasons[0])
        return False
    finally:
        progress.close()
        placement_report.close()
    return True


def segments(state, batches, epochs):
    """[(first epoch, last epoch, steps per epoch)]: calls of `fit`.

    Keras takes one number of steps for all epochs, so what is left of an
    interrupted epoch is a call of its own.
    """
    steps, done = batches.steps_per_epoch, state.epoch
    calls = []
    if state.step:
        calls.append((done, done + 1, steps - state.step))
        done += 1
    if done < epochs:
        calls.append((done, epochs, steps))
    return calls


def report_not_finite(run, config, trainer, batches, state, reason):
    """Says where a loss or gradient that is not finite came from."""
    images, _ = next(iter(batches.stream(state.epoch, state.step)))
    where = first_not_finite(trainer.network, images)
    kept = (
        f"The last good state is in {run.state_folder}, the best weights in "
        f"{run.best_weights.parent}."
        if run.state_folder.exists()
        else "Nothing was saved yet."
    )
    print(
        f"main.py: the {reason} in epoch {state.epoch + 1}, step "
        f"{state.step + 1}; first to go was "
        f"{where or f'the {reason.split()[0]} itself'}. "
        f"{kept} Start again with a lower learning rate: "
        f"--config.train.lr={config.train.lr / 10:g}",
        file=sys.stderr,
    )
