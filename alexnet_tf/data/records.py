"""The examples of a split as 256x256 records."""

import numpy as np
import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE, to_record

RECORD_BYTES = 3 * RECORD_SIZE**2
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
        size: number of examples that can be decoded, as far as is known.
    """

    def __init__(self, source, split, cache_gb):
        self.split = split
        self.size = split.size
        self._decode = source.decode
        self._examples = split.examples
        self._cached = split.size * RECORD_BYTES <= cache_gb * 1e9
        if self._cached:
            self._examples = self._decodable(split.examples).cache()

    def dataset(self):
        """All that can be decoded, once, in the order of the ids.

        Elements are {"id": int64, "image": uint8 [256, 256, 3], 0..255,
        "label": int64}. Where an id is missing, that image is broken.
        """
        if self._cached:
            return self._examples
        return self._decodable(self._examples)

    def leave_out(self, ids):
        """Leaves out examples that cannot be decoded, by their ids."""
        self.size = self.split.size - len(ids)
        if self._cached or not len(ids):
            return
        broken = tf.constant(np.asarray(ids, np.int64))
        self._examples = self.split.examples.filter(
            lambda example: tf.reduce_all(example["id"] != broken)
        )

    def shuffled(self, seed, buffer):
        """The examples in a random order, images still to be `prepare`d.

        Args:
            seed: int64 scalar tensor; the order is a function of it (and of
                TensorFlow's global seed, which nothing here sets).
            buffer: number of examples to draw from; records in memory are
                shuffled whole.
        """
        return self._examples.shuffle(
            self.split.size if self._cached else buffer,
            seed=seed,
            reshuffle_each_iteration=False,
        )

    def prepare(self, example):
        """An example of `shuffled` with its image as record."""
        if self._cached:
            return example
        return _with_record(example, self._decode)

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

    def _decodable(self, examples):
        return examples.map(
            lambda example: _with_record(example, self._decode),
            num_parallel_calls=tf.data.AUTOTUNE,
        ).ignore_errors(log_warning=False)


def _with_record(example, decode):
    return {**example, "image": to_record(decode(example["image"]))}
