"""The examples of a split as 256x256 records."""

from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from alexnet_tf.data.augment import (
    crop_and_mirror,
    crop_draws,
    mirrored_if,
    random_view,
    resized_view,
    resized_window,
)
from alexnet_tf.data.damage import find_undecodable
from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.data.image_set import (
    Damaged,
    Source,
    Split,
    rows_of,
    with_stand_ins,
)
from alexnet_tf.data.preprocess import PIXEL_BYTES, to_record
from alexnet_tf.errors import UserError

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

    def __init__(self, source: Source, split: Split, cache_gb: float) -> None:
        self.split = split
        self.size = split.size
        self.damaged = frozenset()
        self._source = source
        self._rejected = np.empty(0, np.int64)
        self._is_balanced = False
        self._cached = split.size * PIXEL_BYTES <= cache_gb * 1e9
        self._arrange(split)

    @property
    def left(self) -> int:
        """Number of examples that are still there."""
        return self.size - len(self.damaged)

    def dataset(self) -> tf.data.Dataset:
        """All that can be decoded, once, in the order of the ids.

        Elements are {"id": int64, "image": uint8 [256, 256, 3], 0..255,
        "label": int64}. Where an id is missing, that image is broken.
        """
        records = self._examples
        if not self._cached:
            records = self._decodable(self._without_stand_ins(records))
        return records.with_options(untuned())

    def leave_out(self, ids: np.ndarray) -> None:
        """Leaves out examples that cannot be decoded, by their ids."""
        self.size = self.split.size - len(ids)
        self._rejected = np.asarray(ids, np.int64)
        if not self._cached:
            self._arrange(self.split)

    def leave_out_damaged(self, numbers: Iterable[int]) -> None:
        """Leaves out more examples, by their numbers; see `Damaged`.

        The order of the others stays, also within an epoch: whoever goes on
        after a step meets those that it had not met.
        """
        damaged = self.damaged.union(numbers)
        if damaged != self.damaged:
            self.damaged = damaged
            self._arrange(with_stand_ins(self.split, damaged))

    def find_damaged(self) -> list[Damaged]:
        """`Damaged` examples that are not left out yet; looks at all of them.

        Raises:
            UserError: what holds the images cannot be read.
        """
        if self.split.damaged:
            found = self.split.damaged()
        else:
            found = find_undecodable(self._source, self.split, self._rejected)
        return [d for d in found if d.number not in self.damaged]

    def find_rewritten(self) -> list[Damaged]:
        """As `find_damaged`, but see `Split.rewritten`."""
        found = self.split.rewritten() if self.split.rewritten else []
        return [d for d in found if d.number not in self.damaged]

    def images_of_classes(self, classes: int) -> np.ndarray:
        """int64 [classes]: examples of each class when the run began.

        Raises:
            UserError: the labels cannot be read.
        """
        ids, labels = self.split.ids_and_labels()
        is_sound = ~np.isin(ids, self._rejected)
        return np.bincount(labels[is_sound], minlength=classes)

    def balance(self) -> None:
        """From here on `shuffled` has as many examples of each class.

        An epoch is as long as it was. Each class gets an equal number of its
        places, some one more. Examples of a class that has more than that are
        drawn anew for every epoch; those of one with fewer come again, none
        more than once more often than another, and with crops of their own.

        Raises:
            UserError: the examples only come one after the other, and do not
                fit into memory.
        """
        if not self._cached and not self.split.table:
            if self.split.as_table is None:
                raise UserError(
                    "config.data.sampling is balanced, and the files of "
                    f"{self._source.name} cannot be read at any place: prepare "
                    "the set with --mode=prepare, or keep it in memory with a "
                    f"--config.data.cache_gb above "
                    f"{self.split.size * PIXEL_BYTES / 1e9:.1f}"
                )
            self.split = self.split.as_table()
        self._is_balanced = True
        self._arrange(with_stand_ins(self.split, self.damaged))

    def mix(self, buffer: int) -> None:
        """Sees to it that a buffer is enough to mix the classes.

        Where examples of a class follow each other, and there are more than
        the buffer holds, they are arranged as a table, which is shuffled
        whole. The examples and their ids stay what they were.

        Args:
            buffer: see `shuffled`.
        """
        split = self.split
        if (
            self._cached
            or split.table
            or split.size <= self._buffer(buffer)
            or split.in_class_order is None
            or not split.in_class_order()
        ):
            return
        if split.as_table is None:
            print(
                f"{self._source.name} is written class after class, and its "
                f"files cannot be read at any place: {buffer} images are "
                "mixed at a time; --mode=prepare makes a set that is mixed "
                "whole"
            )
            return
        print(
            f"{self._source.name} is written class after class: a pass over "
            f"{split.size} records finds where each lies, so that all of them "
            "are shuffled together"
        )
        self.split = split.as_table()
        self._arrange(with_stand_ins(self.split, self.damaged))

    def shuffled(self, seed: tf.Tensor, buffer: int) -> tf.data.Dataset:
        """The examples in a random order, images still to be cropped.

        Args:
            seed: int64 scalar tensor; the order is a function of it (and of
                TensorFlow's global seed, which nothing here sets).
            buffer: number of examples to draw from; records in memory and
                tables are shuffled whole. Where there are shards, their
                order is random too.

        Returns:
            A dataset of examples with a "draw" each, see
            `augment.crop_draws`.
        """
        if self._table and not self._cached:
            examples = self._shuffled_table(seed)
        elif self._is_balanced:
            examples = self._examples.flat_map(self._repeated(seed)).apply(
                tf.data.experimental.assert_cardinality(self.left)
            )
            examples = examples.shuffle(
                self.split.size, seed=seed, reshuffle_each_iteration=False
            )
        else:
            if self._reordered and not self._cached:
                examples = self._reordered(seed)
            else:
                examples = self._examples.map(
                    lambda example: _with_draw(seed, example)
                )
            # Where some are gone unnoticed, an epoch would run into the next.
            there = self.left if self._cached else self.size
            examples = examples.apply(
                tf.data.experimental.assert_cardinality(there)
            ).shuffle(
                self.split.size if self._cached else self._buffer(buffer),
                seed=seed,
                reshuffle_each_iteration=False,
            )
        # This comes after shuffling, so that the others keep their order.
        return self._without_stand_ins(examples).with_options(untuned())

    def _buffer(self, buffer: int) -> int:
        return min(buffer, self.split.most_buffered or buffer)

    def _shuffled_table(self, seed: tf.Tensor) -> tf.data.Dataset:
        # The order alone is drawn: a buffer of examples would take 25 times as
        # much memory.
        order = tf.random.experimental.stateless_shuffle(
            tf.range(self.size, dtype=tf.int64),
            tf.stack([seed, 0]),
            alg="philox",
        )
        rows, turns = order, tf.zeros_like(order)
        if self._is_balanced:
            assert self._table
            times = balanced_times(self._table["label"], seed)
            of_row = tf.repeat(tf.range(self.size, dtype=tf.int64), times)
            rows = tf.gather(of_row, order)
            turns = order - tf.gather(tf.cumsum(times, exclusive=True), rows)

        def example_at(
            place: tf.Tensor, turn: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            row = tf.nest.map_structure(
                lambda column: tf.gather(column, place), self._table
            )
            return _with_draw(seed, row, turn)

        places = tf.data.Dataset.from_tensor_slices((rows, turns))
        return places.map(example_at)

    def _repeated(
        self, seed: tf.Tensor
    ) -> Callable[[dict[str, tf.Tensor]], tf.data.Dataset]:
        """From an example to a dataset of it as often as an epoch has it."""
        ids, labels = self._ids_and_labels
        is_there = (ids >= 0) & ~np.isin(ids, self._rejected)
        order = np.argsort(ids[is_there])
        ids, labels = ids[is_there][order], labels[is_there][order]
        times = balanced_times(tf.constant(labels), seed)

        def repeated(example: dict[str, tf.Tensor]) -> tf.data.Dataset:
            place = tf.searchsorted(ids, example["id"][None])[0]
            return tf.data.Dataset.range(times[place]).map(
                lambda turn: _with_draw(seed, example, turn)
            )

        return repeated

    def random_crop(
        self,
        example: dict[str, tf.Tensor],
        crop: int,
        view_of: Callable[..., tuple[tf.Tensor, ...]] = random_view,
    ) -> tf.Tensor:
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

    def random_resized_crop(
        self,
        example: dict[str, tf.Tensor],
        crop: int,
        scale: float,
        ratio: float,
    ) -> tf.Tensor:
        """Likewise a random resized crop; see `augment.resized_view`.

        Args:
            example, crop: see `random_crop`.
            scale, ratio: see `augment.resized_view`.

        Returns:
            uint8 [crop, crop, 3].
        """
        image = example["image"]
        record = image if self._cached else self._record(image)
        *window, is_mirrored = resized_view(example["draw"], scale, ratio)
        return mirrored_if(resized_window(record, crop, *window), is_mirrored)

    def missing(self, decoded: np.ndarray) -> np.ndarray:
        """The split's ids that are not among `decoded`; int64 array."""
        if len(decoded) == self.split.size:
            return np.empty(0, np.int64)
        return np.setdiff1d(self.split.ids_and_labels()[0], decoded)

    def names(self, ids: np.ndarray) -> str:
        """Lines that name the first few images among `ids`."""
        lines = [f"  {self.split.name_of(int(i))}" for i in ids[:MOST_NAMES]]
        if len(ids) > MOST_NAMES:
            lines.append(f"  and {len(ids) - MOST_NAMES} more")
        return "\n".join(lines)

    def _arrange(self, split: Split) -> None:
        self._examples, self._reordered = split.examples, split.reordered
        self._table = None
        if self._cached:
            left = self._without_stand_ins(split.examples)
            self._examples = self._decodable(left).cache()
            if self._is_balanced:
                self._ids_and_labels = split.ids_and_labels()
            return
        if len(self._rejected):
            broken = tf.constant(self._rejected)

            def is_sound(example: dict[str, tf.Tensor]) -> tf.Tensor:
                return tf.reduce_all(example["id"] != broken)

            self._examples = split.examples.filter(is_sound)
            if reordered := split.reordered:
                self._reordered = lambda seed: reordered(seed).filter(is_sound)
        if split.table:
            sound = ~np.isin(split.table["id"], self._rejected)
            self._table = tf.nest.map_structure(
                tf.constant, rows_of(split.table, sound)
            )

    def _without_stand_ins(self, examples: tf.data.Dataset) -> tf.data.Dataset:
        if not self.damaged:
            return examples
        return examples.filter(lambda example: example["id"] >= 0)

    def _decodable(self, examples: tf.data.Dataset) -> tf.data.Dataset:
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

    def _record(self, image: tf.Tensor) -> tf.Tensor:
        if self._source.decode_window:
            return self._source.decode(image)
        return to_record(self._source.decode(image))


def _with_draw(
    seed: tf.Tensor,
    example: dict[str, tf.Tensor],
    turn: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """An example with its draw, another one each time it comes again."""
    draw = crop_draws(seed, example["id"])
    if turn is not None:
        again = crop_draws(tf.bitcast(draw, tf.int64), turn)
        draw = tf.where(turn > 0, again, draw)
    return {**example, "draw": draw}


def balanced_times(labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """How often each example comes in an epoch; see `Records.balance`.

    Args:
        labels: int64 [examples].
        seed: int64 scalar tensor; decides which come once more.

    Returns:
        int64 [examples]; as many in all as there are examples.
    """
    count = tf.size(labels, tf.int64)

    def shuffled(values: tf.Tensor, number: int) -> tf.Tensor:
        return tf.random.experimental.stateless_shuffle(
            values, tf.stack([seed, number]), alg="philox"
        )

    classes, of_class, sizes = tf.unique_with_counts(labels, tf.int64)
    present = tf.size(classes, tf.int64)
    # The remainder goes to other classes in every epoch.
    has_more = shuffled(tf.range(present), 1) < count % present
    quotas = count // present + tf.cast(has_more, tf.int64)
    # Places of the examples in a random order of their class.
    order = shuffled(tf.range(count), 2)
    by_class = tf.gather(
        order, tf.argsort(tf.gather(of_class, order), stable=True)
    )
    begins = tf.cumsum(sizes, exclusive=True)
    places = tf.range(count) - tf.gather(begins, tf.gather(of_class, by_class))
    places = tf.scatter_nd(by_class[:, None], places, count[None])
    whole, rest = quotas // sizes, quotas % sizes
    return tf.gather(whole, of_class) + tf.cast(
        places < tf.gather(rest, of_class), tf.int64
    )
