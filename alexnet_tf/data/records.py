"""The examples of a split as 256x256 records."""

import numpy as np
import tensorflow as tf

from alexnet_tf.data.augment import (
    crop_and_mirror,
    crop_draws,
    mirrored_if,
    random_view,
)
from alexnet_tf.data.damage import find_undecodable
from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.data.image_set import with_stand_ins
from alexnet_tf.data.preprocess import PIXEL_BYTES, to_record

MOST_NAMES = 10


class Records:
    """A split whose images become records, in memory where they fit.

    Args:
        source: a `Source`.
        split: one of its splits.
        cache_gb: largest size, in gigabytes, up to which decoded records are
            kept in memory; above it they are decoded again on every use.

    Attributes:
        split: the `Split`.
        size: number of examples that could be decoded when the run began, as
            far as is known.
        damaged: numbers of those that have been damaged since.
    """

    def __init__(self, source, split, cache_gb):
        self.split = split
        self.size = split.size
        self.damaged = frozenset()
        self._source = source
        self._rejected = np.empty(0, np.int64)
        self._cached = split.size * PIXEL_BYTES <= cache_gb * 1e9
        self._arrange(split)

    @property
    def left(self):
        """Number of examples that are still there."""
        return self.size - len(self.damaged)

    def dataset(self):
        """All that can be decoded, once, in the order of the ids.

        Elements are {"id": int64, "image": uint8 [256, 256, 3], 0..255,
        "label": int64}. Where an id is missing, that image is broken.
        """
        records = self._examples
        if not self._cached:
            records = self._decodable(self._without_stand_ins(records))
        return records.with_options(untuned())

    def leave_out(self, ids):
        """Leaves out examples that cannot be decoded, by their ids."""
        self.size = self.split.size - len(ids)
        self._rejected = np.asarray(ids, np.int64)
        if not self._cached:
            self._arrange(self.split)

    def leave_out_damaged(self, numbers):
        """Leaves out more examples, by their numbers; see `Damaged`.

        The order of the others stays, also within an epoch: whoever goes on
        after a step meets those that it had not met.
        """
        damaged = self.damaged.union(numbers)
        if damaged != self.damaged:
            self.damaged = damaged
            self._arrange(with_stand_ins(self.split, damaged))

    def find_damaged(self):
        """`Damaged` examples that are not left out yet; looks at all of them.

        Raises:
            UserError: what holds the images cannot be read.
        """
        if self.split.damaged:
            found = self.split.damaged()
        else:
            found = find_undecodable(self._source, self.split, self._rejected)
        return [d for d in found if d.number not in self.damaged]

    def shuffled(self, seed, buffer):
        """The examples in a random order, images still to be cropped.

        Args:
            seed: int64 scalar tensor; the order is a function of it (and of
                TensorFlow's global seed, which nothing here sets).
            buffer: number of examples to draw from; records in memory are
                shuffled whole. Where there are shards, their order is random
                too.

        Returns:
            A dataset of examples with a "draw" each, see `augment.crop_draws`.
        """
        if self._reordered and not self._cached:
            examples = self._reordered(seed)
        else:
            examples = self._examples.map(
                lambda example: {
                    **example,
                    "draw": crop_draws(seed, example["id"]),
                }
            )
        # Where some are gone unnoticed, an epoch would run into the next.
        there = self.left if self._cached else self.size
        most = self.split.most_buffered or buffer
        shuffled = examples.apply(
            tf.data.experimental.assert_cardinality(there)
        ).shuffle(
            self.split.size if self._cached else min(buffer, most),
            seed=seed,
            reshuffle_each_iteration=False,
        )
        # After shuffling, so that the others keep their order.
        return self._without_stand_ins(shuffled).with_options(untuned())

    def random_crop(self, example, crop, view_of=random_view):
        """A random crop of an example of `shuffled`, perhaps mirrored.

        Args:
            example: of `shuffled`; the crop is a pure function of its "draw".
            crop: side of the crop, in pixels.
            view_of: that function, such as `random_view`.

        Returns:
            uint8 [crop, crop, 3].
        """
        image = example["image"]
        top, left, is_mirrored = view_of(crop, example["draw"])
        if self._source.decode_window and not self._cached:
            view = self._source.decode_window(image, top, left, crop)
            return mirrored_if(view, is_mirrored)
        record = image if self._cached else self._record(image)
        return crop_and_mirror(record, crop, top, left, is_mirrored)

    def missing(self, decoded):
        """The split's ids that are not among `decoded`; int64 array."""
        if len(decoded) == self.split.size:
            return np.empty(0, np.int64)
        ids = self.split.examples.map(lambda example: example["id"])
        return np.setdiff1d(list(ids.as_numpy_iterator()), decoded)

    def names(self, ids):
        """Lines that name the first few images among `ids`."""
        lines = [f"  {self.split.name_of(int(i))}" for i in ids[:MOST_NAMES]]
        if len(ids) > MOST_NAMES:
            lines.append(f"  and {len(ids) - MOST_NAMES} more")
        return "\n".join(lines)

    def _arrange(self, split):
        self._examples, self._reordered = split.examples, split.reordered
        if self._cached:
            left = self._without_stand_ins(split.examples)
            self._examples = self._decodable(left).cache()
        elif len(self._rejected):
            broken = tf.constant(self._rejected)

            def is_sound(example):
                return tf.reduce_all(example["id"] != broken)

            self._examples = split.examples.filter(is_sound)
            if split.reordered:
                self._reordered = lambda seed: split.reordered(seed).filter(
                    is_sound
                )

    def _without_stand_ins(self, examples):
        if not self.damaged:
            return examples
        return examples.filter(lambda example: example["id"] >= 0)

    def _decodable(self, examples):
        records = examples.map(
            lambda example: {
                **example,
                "image": self._record(example["image"]),
            },
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        if self.split.damaged:
            # All of them were records once. Errors are those of reading, and
            # ignoring one that comes again and again would never end.
            return records
        return records.ignore_errors(log_warning=False)

    def _record(self, image):
        if self._source.decode_window:
            return self._source.decode(image)
        return to_record(self._source.decode(image))
