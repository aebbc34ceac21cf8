"""Training to the end, over every interruption that can be mended."""

import dataclasses
import math
import sys
from collections.abc import Sequence

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from alexnet_tf.config import SECTIONS, changed_values
from alexnet_tf.data.damage import DATA_ERRORS, DamageLog
from alexnet_tf.data.pipeline import TrainingBatches, centre_crop_batches
from alexnet_tf.data.records import Records
from alexnet_tf.errors import StartAgain, UserError
from alexnet_tf.files.text import counted
from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.command import command
from alexnet_tf.training.diagnosis import (
    FlatLossAlarm,
    NotFinite,
    RefuseNotFinite,
    first_not_finite,
    flat_loss_window,
)
from alexnet_tf.training.epoch_report import (
    ClassScores,
    EpochReport,
    LayerTable,
    TrainingProgress,
)
from alexnet_tf.training.history import Events, History
from alexnet_tf.training.interrupts import Interrupts, InterruptSaver
from alexnet_tf.training.loss_scale import OVERFLOW_UNSCALED
from alexnet_tf.training.placement import PlacementReport
from alexnet_tf.training.schedule import (
    WarmUp,
    make_lr_drops,
    make_schedule,
)
from alexnet_tf.training.state import State, StateKeeper
from alexnet_tf.training.steps import StepLog
from alexnet_tf.training.trainer import NOT_FINITE, Trainer
from alexnet_tf.workers.alone import AverageLogs, Workers


@dataclasses.dataclass(frozen=True)
class Job:
    """What a process trains.

    Attributes:
        run: a `Run`.
        config: its config.
        workers: `Alone`, or what this process trains together with.
        interrupts: `Interrupts`.
    """

    run: Run
    config: ConfigDict
    workers: Workers
    interrupts: Interrupts


class Fit:
    """Trains a run from its last state to its end.

    Args:
        job: a `Job`.
        trainer: a `Trainer`.
        batches: `TrainingBatches`.
        validation: `Records`.
        damage: a `DamageLog`.
        watchers: callbacks that look on and change nothing.
    """

    def __init__(
        self,
        job: Job,
        *,
        trainer: Trainer,
        batches: TrainingBatches,
        validation: Records,
        damage: DamageLog,
        watchers: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        self._watchers = watchers
        self._run, self._config = job.run, job.config
        self._workers, self._interrupts = job.workers, job.interrupts
        self._trainer = trainer
        self._batches = batches
        self._validation = validation
        self._damage = damage
        train = job.config.train
        self._drops = make_lr_drops(train)
        self._state = State(
            run=job.run,
            trainer=trainer,
            drops=self._drops,
            lr=train.lr,
            workers=job.workers,
        )
        self._progress = TrainingProgress(train.epochs, batches.batch_size)
        self._placement = PlacementReport(
            batches.batch_size // job.workers.size
        )

    def to_the_end(self) -> bool:
        """Trains; returns whether the loss stayed finite.

        Raises:
            Interrupted: a signal came; everything is saved.
            UserError: no state is sound, or none can be written, or too many
                images are damaged.
            StartAgain: several workers train and images are damaged: all of
                them will leave these out from their start.
        """
        begun = self._state.restore()
        if self._workers.size > 1:
            self._workers.check_agreement("state", self._state.fingerprint())
        if not begun and self._config.init.source != "random":
            self._state.save()  # from here on nobody asks for the source
        if (self._state.epoch or self._state.step) and not self._workers.rank:
            print(f"continuing after {self._state.place}")
        callbacks = self._callbacks()
        try:
            with self._interrupts.deferred():
                while not self._fitted(callbacks):
                    pass
        except tf.errors.InvalidArgumentError as error:
            reasons = [
                r for r in (NOT_FINITE, OVERFLOW_UNSCALED) if r in str(error)
            ]
            if not reasons:
                raise
            self._progress.close()
            self._report_not_finite(*self._first_to_go(reasons[0]))
            return False
        except NotFinite as error:
            self._progress.close()
            self._report_not_finite(str(error))
            return False
        finally:
            self._progress.close()
            self._placement.close()
        return True

    def _callbacks(self) -> list[keras.callbacks.Callback]:
        """What Keras calls, in this order: later ones see what earlier did."""
        run, train, state = self._run, self._config.train, self._state
        everyone = [
            AverageLogs(self._workers, lambda: self._validation.left),
            RefuseNotFinite(),
            ClassScores(self._workers),
            EpochReport(self._batches.batch_size),
            self._drops,
            make_schedule(train),
        ]
        if train.warmup_epochs:
            steps = self._batches.steps_per_epoch
            everyone.append(
                WarmUp(
                    math.ceil(train.warmup_epochs * steps),
                    lambda: state.epoch * steps + state.step,
                )
            )
        init = self._config.init
        has_table = (
            init.source != "random" or train.frozen or train.lr_multipliers
        )
        first_worker = [
            *([LayerTable(init.layers)] if has_table else []),
            FlatLossAlarm(
                classes=self._config.model.num_classes,
                steps=flat_loss_window(
                    train.flat_loss_steps,
                    train.epochs * self._batches.steps_per_epoch,
                ),
                margin=train.flat_loss_margin,
                sample=lambda: next(iter(self._batches.stream()))[0],
                steps_done=lambda: state.step,
                file=run.alarm_file,
            ),
            StepLog(
                run,
                epochs=train.epochs,
                steps_per_epoch=self._batches.steps_per_epoch,
                batch_size=self._batches.batch_size,
                done=lambda: (state.epoch, state.step),
            ),
            *self._watchers,
            Events(run),
            History(
                run, state.rows, train.epochs, self._config.model.num_classes
            ),
        ]
        keeper = StateKeeper(
            state,
            train.save_every_steps,
            train.save_every_minutes,
            monitor=train.monitor,
            workers=self._workers,
        )
        shown = [self._placement, self._progress]
        last = [InterruptSaver(state, self._interrupts, self._workers)]
        if self._workers.rank:
            return [*everyone, keeper, *last]
        return [*everyone, *first_worker, keeper, *shown, *last]

    def _fitted(self, callbacks: list[keras.callbacks.Callback]) -> bool:
        """Fits what is left; False where damaged images were left out first."""
        try:
            self._fit_what_is_left(callbacks)
        except DATA_ERRORS as error:
            self._progress.close()
            if NOT_FINITE in str(error) or OVERFLOW_UNSCALED in str(error):
                raise
            if not self._leave_out_damaged():
                raise
            return False
        return True

    def _fit_what_is_left(
        self, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        state, batches, workers = self._state, self._batches, self._workers
        validation = centre_crop_batches(
            self._validation,
            batches.batch_size // workers.size,
            self._config.model.crop,
            workers.rank,
            workers.size,
        )
        if state.step == batches.steps_per_epoch:
            end_epoch(self._trainer, state.epoch, validation, callbacks)
        epochs = (
            state.epoch if self._drops.finished else self._config.train.epochs
        )
        calls = segments(state, batches, epochs)
        if not workers.rank:
            self._record_values(bool(calls))
        for first, last, steps in calls:
            self._trainer.fit(
                batches.stream(first, batches.steps_per_epoch - steps),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=steps,
                validation_data=validation,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
            if self._trainer.stop_training:
                break

    def _record_values(self, used: bool) -> None:
        """Writes the config of the steps that follow, if any do.

        A run's config tells what it was trained with: values that came too
        late for it are told of, and dropped. Fewer epochs than the run was
        begun with are what it ends with.
        """
        run, config = self._run, self._config
        if used:
            run.write_config(config)
            if self._state.new_rate:
                # It is said once, whatever is left out later.
                print(self._state.new_rate)
                self._state.dropped = None
            return
        trained = run.read_config()
        epochs = max(config.train.epochs, self._state.epoch)
        if epochs < trained.train.epochs:
            trained.train.epochs = epochs
            run.write_config(trained)
        unused = [
            f"{key} {given} (it is {value})"
            for section in SECTIONS
            for key, value, given in changed_values(section, trained, config)
        ]
        if unused:
            print(
                "nothing is left to train after "
                f"{counted(self._state.epoch, 'epoch')}: "
                f"{run.config_file} stays as it is, without "
                f"{', '.join(unused)}"
            )

    def _leave_out_damaged(self) -> bool:
        """After an error of reading: whether training can go on without.

        The state is saved: what is left out begins there.

        Raises:
            UserError: too many images are damaged.
            StartAgain: several workers train.
        """
        try:
            if not self._damage.find():
                return False
        except UserError as error:
            if self._workers.size == 1:  # several save together only
                self._state.save()
            raise UserError(
                f"{error}. The last state is saved. Put the files back as "
                "they were, or allow for more of them to be lost; "
                f"{self._run.how_to_go_on}"
            ) from None
        if self._workers.size > 1:
            raise StartAgain(
                f"what is damaged is listed in {self._run.damaged_file}; all "
                "workers start again without it. If they do not: "
                f"{self._run.how_to_go_on} (on all workers)"
            )
        self._state.hold_metrics()  # the next `fit` resets them
        self._state.save()
        return True

    def _first_to_go(self, reason: str) -> tuple[str, str]:
        """Where a loss or gradient that is not finite came from.

        Returns:
            (the reason with the workers it was found on, more words).
        """
        state = self._state
        images, _ = next(iter(self._batches.stream(state.epoch, state.step)))
        where = first_not_finite(self._trainer.network, images)
        ranks = self._workers.ranks_not_finite()
        if self._workers.size > 1:
            reason += f" on worker {', '.join(map(str, ranks))}"
        # A worker whose own numbers were good has nothing to say about it.
        if self._workers.rank not in ranks:
            return reason, ""
        where = where or f"the {reason.split()[0]} itself"
        return reason, f"; first to go was {where}"

    def _report_not_finite(self, reason: str, first: str = "") -> None:
        """Says what was not finite, what is kept and what to do."""
        state, run = self._state, self._run
        train = self._config.train
        lr = f"--config.train.lr={train.lr / 10:g}"
        best = (
            f", the best weights in {run.best_weights.parent}"
            if run.best_weights.is_file()
            else ""
        )
        advice = (
            f"The last good state is in {run.state_folder}{best}. Go on "
            "with a lower learning rate: "
            f"{command('train', run=run.path)} {lr}"
            if run.state_folder.exists()
            else "Nothing was saved yet. Start again with a lower learning "
            f"rate: {lr}"
        )
        for key in ("lr_multipliers", "layer_lrs", "class_weight_values"):
            if train[key]:
                advice += (
                    ". What is large here may be the cause, too: "
                    f'--config.train.{key}="{train[key]}"'
                )
        print(
            f"main.py: the {reason} in epoch {state.epoch + 1}, step "
            f"{state.step + 1}{first}. {advice}",
            file=sys.stderr,
        )


def segments(
    state: State, batches: TrainingBatches, epochs: int
) -> list[tuple[int, int, int]]:
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


def end_epoch(
    trainer: Trainer,
    epoch: int,
    validation: tf.data.Dataset,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Does what `fit` does after an epoch's last step.

    `fit` itself cannot: it knows no epoch without steps.

    Args:
        trainer: a `Trainer`; one of the callbacks restores its metrics when
            the epoch begins.
        epoch: its number, from 0.
        validation: dataset of (images, labels).
        callbacks: as for `fit`.
    """
    called = keras.callbacks.CallbackList(callbacks, model=trainer, steps=0)
    trainer.stop_training = False
    called.on_train_begin()
    trainer.reset_metrics()
    called.on_epoch_begin(epoch)
    logs = trainer.get_metrics_result()
    measured = trainer.evaluate(
        validation, callbacks=called, verbose=0, return_dict=True
    )
    logs |= {f"val_{name}": value for name, value in measured.items()}
    called.on_epoch_end(epoch, logs)
    called.on_train_end(logs)
