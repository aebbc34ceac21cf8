"""Finds the images that cannot be decoded, by decoding all of them."""

import numpy as np
import tensorflow as tf

from alexnet_tf.data.preprocess import to_record, why_rejected
from alexnet_tf.data.source import Damaged
from alexnet_tf.data.untuned import untuned
from alexnet_tf.errors import UserError
from alexnet_tf.progress import ProgressReport

AT_ONCE = 64


def find_undecodable(source, split, known):
    """`Damaged` examples of a split whose ids are their numbers.

    Args:
        source: the `Source`; its images have to be decoded one by one.
        split: one of its splits.
        known: ids of those that are not worth mentioning; int64 array.

    Raises:
        UserError: the files that hold the images cannot be read.
    """
    ids = _all_ids(source, split)
    decoded = [known]
    batches = (
        split.examples.map(
            lambda example: (
                example["id"],
                to_record(source.decode(example["image"]))[0, 0, 0],
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .ignore_errors(log_warning=False)
        .batch(AT_ONCE)
        .with_options(untuned())
    )
    with ProgressReport(f"images of {source.name}", len(ids)) as progress:
        for numbers, _ in batches:
            decoded.append(numbers.numpy())
            progress.advance(len(decoded[-1]))
    lost = np.setdiff1d(ids, np.concatenate(decoded))
    if not len(lost):
        return []
    suspects = split.examples.filter(
        lambda example: tf.reduce_any(example["id"] == lost)
    )
    found = []
    for example in suspects:
        number = int(example["id"])
        reason = why_rejected(example["image"], source.decode)
        if reason:
            size = split.bytes_of(number) if split.bytes_of else None
            name = split.name_of(number)
            found.append(Damaged(number, name, reason, size))
    return found


def _all_ids(source, split):
    """Ids of all examples, decodable or not.

    What could be skipped here would shift the ids of the others.
    """
    batches = split.examples.map(lambda example: example["id"]).batch(AT_ONCE)
    try:
        return np.concatenate(list(batches.as_numpy_iterator()))
    except tf.errors.OpError as error:
        reason = " ".join(error.message.split())[:200]
        raise UserError(
            f"the files of {source.name} cannot be read any more: {reason}. "
            "Mend them or fetch them again"
        ) from None
