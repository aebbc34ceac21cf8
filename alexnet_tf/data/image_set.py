"""A labelled image set and its splits: what every source provides."""

import dataclasses
import unicodedata
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from alexnet_tf.errors import UserError

LEFT_OUT = -1  # id of what stands for an example that is left out
# Control characters, halves of characters, and ends of lines.
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")


@dataclasses.dataclass(frozen=True)
class Damaged:
    """An example that could be used once, and now it cannot.

    Attributes:
        number: its place among all examples of the split as it was made.
        name: what a person can find it by.
        reason: in a few words.
        bytes: the size that its file had, where it has a file of its own.
    """

    number: int
    name: str
    reason: str
    bytes: int | None = None


@dataclasses.dataclass(frozen=True)
class Split:
    """Part of a source: examples in a fixed order.

    Attributes:
        examples: dataset of {"id": int64, "image": what `Source.decode`
            takes, "label": int64}, each id once.
        size: number of examples.
        name_of: from an id to the name a person can find the image by.
        reordered: from a seed, int64 scalar tensor, to the same examples with
            their shards in another order and a "draw" each, see
            `augment.crop_draws`; None where there are no shards.
        most_buffered: number of examples that a shuffle buffer may hold;
            None: as many as it is told.
        are_references: whether an example's "image" only says where it is,
            so that the whole split can be shuffled at once.
        damaged: () -> list of `Damaged` examples; None where only decoding
            all images tells.
        without: from numbers to the same split with stand-ins, whose id is
            negative, in the places of those examples.
        bytes_of: from an id to the size of the image's file; None where
            images have no files of their own.
    """

    examples: tf.data.Dataset
    size: int
    name_of: Callable[[int], str]
    reordered: Callable[[tf.Tensor], tf.data.Dataset] | None = None
    most_buffered: int | None = None
    are_references: bool = False
    damaged: Callable[[], list[Damaged]] | None = None
    without: Callable[[Iterable[int]], "Split"] | None = None
    bytes_of: Callable[[int], int | None] | None = None


@dataclasses.dataclass(frozen=True)
class Source:
    """A labelled image set.

    Attributes:
        name: value of `config.data.name` that finds it.
        class_names: one per label, in label order.
        train, validation: the splits; validation is None where the source
            has none.
        decode: from an example's "image" to uint8 [H, W, 3], 0..255.
        fingerprint: changes when the images or their order do.
        licence: who the images belong to, one sentence.
        decode_window: where all images are 256x256 records: from an example's
            "image", top, left and side to uint8 [side, side, 3], sparing
            what lies outside; None where images have to become records.
        statistics: from a fingerprint to the `Statistics` of the training
            split; None where they have to be measured.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split | None
    decode: Callable[[tf.Tensor], tf.Tensor]
    fingerprint: str
    licence: str
    decode_window: Callable[..., tf.Tensor] | None = None
    statistics: Callable[[str], object] | None = None

    def __post_init__(self):
        check_class_names(self.name, self.class_names)


def check_class_names(source, names):
    """Raises `UserError` for class names that would garble what is printed,
    and the files that have a name a line."""
    for name in names:
        if not is_printable(name):
            raise UserError(
                f"{source} has a class named {name!a}: rename it, in "
                "UTF-8 and without control characters"
            )


def is_printable(name):
    """Whether a name has no control characters, newlines or odd bytes."""
    return not any(unicodedata.category(c) in UNPRINTABLE for c in name)


def with_stand_ins(split, numbers):
    """See `Split.without`, for splits whose ids are their numbers."""
    if split.without:
        return split.without(numbers)
    damaged = tf.constant(sorted(numbers), tf.int64)

    def stand_in(example):
        is_damaged = tf.reduce_any(example["id"] == damaged)
        number = tf.where(is_damaged, np.int64(LEFT_OUT), example["id"])
        return {**example, "id": number}

    return dataclasses.replace(split, examples=split.examples.map(stand_in))


def select(split, seed, begin, end):
    """The examples at places begin..end - 1 of the split's seeded order.

    Args:
        split: a `Split`.
        seed: integer.
        begin, end: places, 0 <= begin < end <= split.size.

    Returns:
        A `Split` of end - begin examples, in the original order.
    """

    def place_of(number):
        # A permutation computed element by element, so no order of the whole
        # set is ever held in memory.
        return tf.random.experimental.index_shuffle(
            number,
            tf.stack([tf.constant(seed, tf.int64), 0]),
            tf.constant(split.size - 1, tf.int64),
        )

    def damaged():
        return [
            example
            for example in split.damaged()
            if begin <= place_of(np.int64(example.number)) < end
        ]

    def without(numbers):
        return select(with_stand_ins(split, numbers), seed, begin, end)

    places = tf.data.Dataset.range(split.size).map(place_of)
    chosen = (
        tf.data.Dataset.zip(places, split.examples)
        .filter(lambda place, _: (place >= begin) & (place < end))
        .map(lambda _, example: example)
    )
    return dataclasses.replace(
        split,
        examples=chosen,
        size=end - begin,
        reordered=None,
        damaged=split.damaged and damaged,
        without=without,
    )
