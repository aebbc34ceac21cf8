"""A labelled image set and its splits: what every source provides."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.text import is_printable, printable

LEFT_OUT = -1  # id of what stands for an example that is left out


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """Part of a source: examples in a fixed order.

    Attributes:
        examples: dataset of {"id": int64, "image": what `Source.decode`
            takes, "label": int64}, each id once.
        size: number of examples.
        name_of: from an id to the name a person can find the image by.
        table: {"id": int64 [size], "image": array or dict of arrays [size,
            ...], "label": int64 [size]}, all examples at once, where an
            image is small or only says where it is: what can be shuffled
            whole. None where examples come one after the other.
        numbers: int64 [size], the places of the examples in the split as it
            was made; None: it is whole.
        reordered: from a seed, int64 scalar tensor, to the same examples with
            their shards in another order and a "draw" each, see
            `augment.crop_draws`; None where there are no shards.
        most_buffered: number of examples that a shuffle buffer may hold;
            None: as many as it is told.
        in_class_order: () -> whether examples of a class follow each other,
            as far as a sample shows, so that a buffer does not mix them;
            None where it never happens.
        as_table: () -> the same split with a table, made in a pass over all
            examples; None where that is impossible.
        damaged: () -> list of `Damaged` examples; None where only decoding
            all images tells.
        rewritten: () -> the `Damaged` examples in files that were written
            after the set was finished, of those whose damage no reading
            notices; None where there are none of these.
        without: from numbers to the same split with stand-ins, whose id is
            negative, in the places of those examples.
        bytes_of: from an id to the size of the image's file; None where
            images have no files of their own.
        place_of: from an id to a name that stays where the data are moved to
            another folder; None: `name_of` is one.
        content_of: from an id to the bytes of the image's file, which may
            raise OSError; None where their source looks after them.
        written: float64 [id], when each file was written, in seconds since
            1970; None where images have no files of their own.
        group_of: from an id to the name of the group that a hold-out must not
            divide, "" for an image that stands for itself; None: all do.
    """

    examples: tf.data.Dataset
    size: int
    name_of: Callable[[int], str]
    table: dict[str, Any] | None = None
    numbers: np.ndarray | None = None
    reordered: Callable[[tf.Tensor], tf.data.Dataset] | None = None
    most_buffered: int | None = None
    in_class_order: Callable[[], bool] | None = None
    as_table: Callable[[], "Split"] | None = None
    damaged: Callable[[], list[Damaged]] | None = None
    rewritten: Callable[[], list[Damaged]] | None = None
    without: Callable[[Iterable[int]], "Split"] | None = None
    bytes_of: Callable[[int], int | None] | None = None
    place_of: Callable[[int], str] | None = None
    content_of: Callable[[int], bytes] | None = None
    written: np.ndarray | None = None
    group_of: Callable[[int], str] | None = None

    def key(self, number: int) -> str:
        """What tells an image from all others, wherever the data lie.

        Args:
            number: its id.
        """
        return (self.place_of or self.name_of)(number)

    def ids_and_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Two int64 [size]; a pass over all examples where no table has them.

        Raises:
            UserError: they cannot be read.
        """
        if self.table:
            return self.table["id"], self.table["label"]
        batches = self.examples.map(lambda e: (e["id"], e["label"])).batch(1024)
        try:
            found = list(batches.as_numpy_iterator())
        except tf.errors.OpError as error:
            raise UserError(
                f"the labels cannot be read: {one_line(error.message)[:200]}"
            ) from None
        ids, labels = zip(*found, strict=True)
        return np.concatenate(ids), np.concatenate(labels)


def table_split(
    table: dict[str, Any], name_of: Callable[[int], str], **fields: Any
) -> Split:
    """The `Split` of a table; see there.

    Args:
        table: {"id", "image", "label"}.
        name_of: see `Split`.
        fields: other attributes.
    """
    return Split(
        examples=tf.data.Dataset.from_tensor_slices(table),
        size=len(table["label"]),
        name_of=name_of,
        table=table,
        **fields,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A labelled image set.

    Attributes:
        name: value of `config.data.name` that finds it.
        class_names: one per label, in label order.
        train, validation: the splits; validation is None where the source
            has none; train is empty where they are only to be evaluated.
        decode: from an example's "image" to uint8 [H, W, 3], 0..255.
        fingerprint: changes when names, sizes, labels or the order of the
            images do; see `remembered` for what is in them.
        licence: who the images belong to, one sentence.
        decode_window: where all images are 256x256 records: from an example's
            "image", top, left and side to uint8 [side, side, 3], sparing
            what lies outside; None where images have to become records.
        title: what people call the data set; "": as its name.
        statistics: from a fingerprint to the `Statistics` of the training
            split; None where they have to be measured.
        unread: names of files among its images that are images, too, but of
            formats that are not read, and so are left out.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split | None
    decode: Callable[[tf.Tensor], tf.Tensor]
    fingerprint: str
    licence: str
    decode_window: Callable[..., tf.Tensor] | None = None
    title: str = ""
    statistics: Callable[[str], Any] | None = None
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_class_names(self.name, self.class_names)


def check_class_names(source: object, names: Iterable[str]) -> None:
    """Raises `UserError` for class names that would garble what is printed,
    and the files that have a name a line."""
    for name in names:
        if not is_printable(name):
            raise UserError(
                f"{source} has a class named {printable(name)}: rename it, in "
                "UTF-8 and without control characters"
            )


def with_stand_ins(split: Split, numbers: Iterable[int]) -> Split:
    """See `Split.without`, also for splits whose ids are their numbers."""
    if split.without:
        return split.without(numbers)
    damaged = np.array(sorted(numbers), np.int64)
    if split.table:
        ids = split.table["id"]
        ids = np.where(np.isin(ids, damaged), np.int64(LEFT_OUT), ids)
        return with_table(split, {**split.table, "id": ids})

    def stand_in(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        is_damaged = tf.reduce_any(example["id"] == damaged)
        number = tf.where(is_damaged, np.int64(LEFT_OUT), example["id"])
        return {**example, "id": number}

    return dataclasses.replace(split, examples=split.examples.map(stand_in))


def with_table(split: Split, table: dict[str, Any]) -> Split:
    """A split with another table in the place of its own."""
    return dataclasses.replace(
        split,
        table=table,
        size=len(table["label"]),
        examples=tf.data.Dataset.from_tensor_slices(table),
    )


def rows_of(table: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    """Some rows of a table, by a mask or by their numbers."""
    return tf.nest.map_structure(lambda column: column[rows], table)


def subset(split: Split, is_chosen: np.ndarray) -> Split:
    """Some of the examples of a split, in their order.

    Args:
        split: a `Split`.
        is_chosen: bool [split.size], by the number of an example.
    """

    numbers = np.arange(split.size) if split.numbers is None else split.numbers
    numbers = numbers[is_chosen]

    def chosen_of(
        find: Callable[[], list[Damaged]] | None,
    ) -> Callable[[], list[Damaged]] | None:
        chosen = set(numbers.tolist())
        return find and (lambda: [d for d in find() if d.number in chosen])

    def without(numbers: Iterable[int]) -> Split:
        return subset(with_stand_ins(split, numbers), is_chosen)

    def as_table() -> Split:
        assert split.as_table
        return subset(split.as_table(), is_chosen)

    changed = {
        "numbers": numbers,
        "reordered": None,
        "damaged": chosen_of(split.damaged),
        "rewritten": chosen_of(split.rewritten),
        "without": without,
        "as_table": split.as_table and as_table,
    }
    if split.table:
        chosen = with_table(split, rows_of(split.table, is_chosen))
        return dataclasses.replace(chosen, **changed)
    mask = tf.constant(is_chosen)
    examples = (
        split.examples.enumerate()
        .filter(lambda number, _: mask[number])
        .map(lambda _, example: example)
    )
    return dataclasses.replace(
        split, examples=examples, size=int(is_chosen.sum()), **changed
    )


def select(split: Split, seed: int, begin: int, end: int) -> Split:
    """The examples at places begin..end - 1 of the split's seeded order.

    Args:
        split: a `Split`.
        seed: integer.
        begin, end: places, 0 <= begin < end <= split.size.

    Returns:
        A `Split` of end - begin examples, in the original order.
    """
    places = tf.random.experimental.index_shuffle(
        tf.range(split.size, dtype=tf.int64),
        tf.constant([seed, 0], tf.int64),
        tf.constant(split.size - 1, tf.int64),
    ).numpy()
    return subset(split, (places >= begin) & (places < end))


def is_in_class_order(labels: Iterable[Sequence[int] | np.ndarray]) -> bool:
    """Whether neighbours have the same label more often than by chance.

    Args:
        labels: int64 arrays, the labels of examples that follow each other,
            from several places of a split.
    """
    labels = [np.asarray(run) for run in labels]
    same = np.concatenate([run[1:] == run[:-1] for run in labels])
    counts = np.bincount(np.concatenate(labels))
    chance = np.sum((counts / counts.sum()) ** 2)
    if chance == 1 or not len(same):
        return True  # the others are elsewhere
    noise = np.sqrt(chance * (1 - chance) / len(same))
    return bool(same.mean() - chance > max(0.05 * (1 - chance), 4 * noise))
