"""--mode=train: from images to a trained network in a run folder."""

import shutil
import signal
import sys

import keras
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
from alexnet_tf.trained import load_weights
from alexnet_tf.training.diagnosis import first_not_finite
from alexnet_tf.training.epoch_report import EpochReport
from alexnet_tf.training.flat_loss import FlatLossAlarm
from alexnet_tf.training.history import History
from alexnet_tf.training.interrupts import Interrupted, InterruptSaver
from alexnet_tf.training.lr_drops import DropsByHand, PlateauDrops
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.progress import TrainingProgress
from alexnet_tf.training.state import State, StateKeeper
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
    config = config_for(options, run)
    source = open_source(config, options, run)
    settle_class_count(config, source)
    devices = resolve_tower_devices(options.tower_devices, config.model.towers)
    if run.exists:
        check_same_run(run, config, source)
    is_new = not run.path.exists()
    run.create(config)
    run.write_dataset(source, data_dir_for(options, run))
    print(
        f"run {run.path}: {source.name}, {source.train.size} training and "
        f"{source.validation.size} validation images, "
        f"{len(source.class_names)} classes\n"
        f"towers on {', '.join(filter(None, devices)) or 'default device'}"
    )
    try:
        return train_and_test(run, config, source, devices)
    except KeyboardInterrupt:
        print(f"interrupted; {how_to_continue(run)}")
        return 130
    except UserError:
        if is_new and not run.best_weights.is_file():
            shutil.rmtree(run.path)
        raise


def train_and_test(run, config, source, devices):
    """What `main` does once the run folder stands; returns its exit code."""
    train, validation, statistics = open_records(config, source, run)
    with placement(devices):
        network = build_network(config.model, config.train.seed)
    network.get_layer("mean").set_mean(statistics.mean_image)
    network.get_layer("lighting").set_principal_components(
        *statistics.principal_components()
    )
    trainer = Trainer(network, make_optimizer(config.train))
    batches = TrainingBatches(
        train,
        config.train.batch_size,
        config.model.crop,
        config.train.seed,
        config.data.shuffle_buffer,
    )
    if batches.batch_size < config.train.batch_size:
        print(f"batches of {batches.batch_size}: there are no more images")
    stopped = fit(run, config, trainer, batches, validation)
    if stopped is not None:
        return stopped
    load_weights(network, run.best_weights, run)
    evaluate_and_report(
        run, network, config.model.crop, source, validation, crops=10
    )
    print(
        f"best weights, curves and test results are in {run.path}\n"
        f"next: python main.py --mode=export --run={run.path}"
    )
    return 0


def how_to_continue(run):
    """The command that goes on with a run."""
    return f"continue with\n  python main.py --mode=train --run={run.path}"


def check_same_run(run, config, source):
    """Refuses to continue a run with another network or other images."""
    if run.dataset_file.is_file() and "imported_from" in run.read_dataset():
        raise UserError(
            f"{run.path} holds imported weights, no training to continue: "
            "name another --run"
        )
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


def fit(run, config, trainer, batches, validation):
    """Trains to the end and returns None, or main's exit code before it."""
    train = config.train
    drops = make_lr_drops(train)
    state = State(run, trainer, drops, train.lr)
    state.restore()
    if state.epoch or state.step:
        print(f"continuing after {state.epoch} epochs and {state.step} steps")
    progress = TrainingProgress(train.epochs, batches.batch_size)
    interrupts = InterruptSaver(state)
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
        keras.callbacks.TensorBoard(run.events_folder, write_graph=False),
        History(run, state.rows, train.epochs),
        StateKeeper(state),
        progress,
        interrupts,
    ]
    validation_batches = centre_crop_batches(
        validation, batches.batch_size, config.model.crop
    )
    try:
        with interrupts.listening():
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
    except Interrupted as stop:
        print(
            f"{stop} after {state.epoch} epochs and {state.step} steps; "
            f"everything is saved, {how_to_continue(run)}"
        )
        return 130 if stop.signal == signal.SIGINT else 0
    except tf.errors.InvalidArgumentError as error:
        if NOT_FINITE not in str(error):
            raise
        progress.close()
        report_not_finite(run, config, trainer, batches, state)
        return 1
    finally:
        progress.close()
    return None


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


def report_not_finite(run, config, trainer, batches, state):
    """Says where a loss that is not finite came from."""
    images, _ = next(iter(batches.stream(state.epoch, state.step)))
    where = first_not_finite(trainer.network, images)
    kept = (
        f"The last good state is in {run.state_folder}, the best weights in "
        f"{run.best_weights.parent}."
        if run.state_folder.exists()
        else "Nothing was saved yet."
    )
    print(
        f"main.py: the loss is not finite in epoch {state.epoch + 1}, step "
        f"{state.step + 1}; first to go was {where or 'the loss itself'}. "
        f"{kept} Start again with a lower learning rate: "
        f"--config.train.lr={config.train.lr / 10:g}",
        file=sys.stderr,
    )
