"""Batches for training and validation."""

import math

import tensorflow as tf

from alexnet_tf.data.augment import (
    centre_crop,
    centre_view,
    crop_draws,
    random_view,
)
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError


class TrainingBatches:
    """Shuffled batches of random crops.

    A pure function of (seed, epoch, worker). All workers read the same
    examples in the same order and decode every N-th of them, so their batches
    together are those of one worker.

    Args:
        records: `Records` to draw from.
        batch_size: images in a batch of all workers together, a multiple of
            their number; the last, smaller one is dropped.
        crop: side of a crop, in pixels.
        seed: integer.
        shuffle_buffer: see `Records.shuffled`.
        worker: number of this worker, from 0.
        workers: how many there are.
        augment: whether crops are random; else centre crops, not mirrored.
        crop_shared_by: how many examples that follow each other in an epoch
            have their crop at the same place, all mirrored or none.
        crop_scale, crop_ratio: of random resized crops, see
            `augment.resized_view`; a scale of 0: crops keep their size.
        balanced: whether each class gives as many examples to an epoch, see
            `Records.balance`.

    Attributes:
        batch_size: as given, or the number of records where that is smaller.
        steps_per_epoch: batches in an epoch; damaged records do not change
            it, see `stream`.

    Raises:
        UserError: there are fewer records than workers.
    """

    def __init__(
        self,
        records: Records,
        batch_size: int,
        *,
        crop: int,
        seed: int,
        shuffle_buffer: int,
        worker: int = 0,
        workers: int = 1,
        augment: bool = True,
        crop_shared_by: int = 1,
        crop_scale: float = 0.0,
        crop_ratio: float = 1.0,
        balanced: bool = False,
    ) -> None:
        self.batch_size = min(batch_size, records.size) // workers * workers
        if not self.batch_size:
            raise UserError(
                f"{records.size} training images cannot be divided over "
                f"{workers} workers: give each at least one, or use fewer"
            )
        if balanced:
            records.balance()
        records.mix(shuffle_buffer)
        self._worker = worker
        self._workers = workers
        self.steps_per_epoch = records.size // self.batch_size
        self._records = records
        self._crop = crop
        self._seed = seed
        self._shuffle_buffer = shuffle_buffer
        self._view_of = random_view if augment else centre_view
        self._crop_shared_by = crop_shared_by
        self._crop_scale, self._crop_ratio = crop_scale, crop_ratio

    def stream(self, epoch: int = 0, step: int = 0) -> tf.data.Dataset:
        """Batches from step `step` of epoch `epoch` on, without end.

        Where so many records have been damaged that an epoch lacks some for
        its last step, its first ones are used once more.

        Returns:
            A dataset of (uint8 [batch_size / workers, crop, crop, 3], int64
            [batch_size / workers]).
        """
        first_epoch = self._shuffled_examples(epoch, step * self.batch_size)
        later_epochs = tf.data.Dataset.counter(epoch + 1).flat_map(
            self._shuffled_examples
        )
        return (
            first_epoch.concatenate(later_epochs)
            .map(self._crop_example, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(
                self.batch_size // self._workers,
                drop_remainder=True,  # there is none; it fixes the shape
            )
            .prefetch(tf.data.AUTOTUNE)
        )

    def _shuffled_examples(
        self, epoch: int | tf.Tensor, skip: int | tf.Tensor = 0
    ) -> tf.data.Dataset:
        epoch = tf.cast(epoch, tf.int64)
        images = self.steps_per_epoch * self.batch_size
        # Epochs of neighbouring seeds stay apart.
        seed = self._seed * 1_000_003 + epoch
        shuffled = self._records.shuffled(seed, self._shuffle_buffer)
        examples = shuffled.repeat().take(images)
        if self._crop_shared_by > 1:
            # They are counted before others are skipped or left to other
            # workers.
            examples = examples.enumerate().map(
                lambda place, example: {
                    **example,
                    "draw": crop_draws(seed, place // self._crop_shared_by),
                }
            )
        examples = examples.skip(skip)
        if self._workers > 1:
            examples = examples.shard(self._workers, self._worker)
        return examples

    def _crop_example(
        self, example: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if self._crop_scale:
            crop = self._records.random_resized_crop(
                example, self._crop, self._crop_scale, self._crop_ratio
            )
        else:
            crop = self._records.random_crop(example, self._crop, self._view_of)
        return crop, example["label"]


def centre_crop_batches(
    records: Records,
    batch_size: int,
    crop: int,
    worker: int = 0,
    workers: int = 1,
) -> tf.data.Dataset:
    """Every record once, in order, as centre crops.

    Args:
        records: `Records`.
        batch_size: images in a batch of this worker.
        crop: side of a crop, in pixels.
        worker: number of this worker, from 0; it has every N-th record.
        workers: how many there are.

    Returns:
        A dataset of (uint8 [B, crop, crop, 3], int64 [B]); the last batch may
        be smaller.
    """
    own = len(range(worker, records.left, workers))
    batches = math.ceil(own / batch_size)
    return (
        records.dataset()
        # What is skipped must have been left out knowingly.
        .apply(tf.data.experimental.assert_cardinality(records.left))
        .shard(workers, worker)
        .map(
            lambda record: (
                centre_crop(record["image"], crop),
                record["label"],
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .batch(batch_size)
        # Keras takes an unknown number for a mistake.
        .apply(tf.data.experimental.assert_cardinality(batches))
        .prefetch(tf.data.AUTOTUNE)
    )
