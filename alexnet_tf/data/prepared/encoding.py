"""From images of any kind to the bytes of records, several at a time."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from alexnet_tf.data.dataset_options import untuned
from alexnet_tf.data.decoding.isolation import map_where_valid
from alexnet_tf.data.prepared.format import RecordFormat
from alexnet_tf.data.preprocess import RECORD_SIZE, to_record
from alexnet_tf.data.statistics import BATCH, batch_sums

BATCHES_AT_ONCE = 2  # so that one is decoded while another waits for its last


def encoded_batches(
    examples: tf.data.Dataset,
    decode: Callable[[Any], tf.Tensor],
    record_format: RecordFormat,
    cores: int,
) -> tf.data.Dataset:
    """Batches of records, in the order of the examples.

    The sums are those of the pixels that will be read: for JPEG records they
    are decoded once more.

    Args:
        examples: dataset of {"id", "image", "label"}.
        decode: from an "image" to uint8 [H, W, 3].
        record_format: a `RecordFormat`.
        cores: number of images that are decoded at the same time.

    Returns:
        A dataset of {"id", "image", "label", "valid", "bytes", "sums"}, 32
        rows each but the last; bytes are empty where an image cannot be
        decoded. "sums" is what `batch_sums` returns.
    """

    def encode(image: Any) -> tuple[tf.Tensor, tf.Tensor]:
        encoded = record_format.encode(to_record(decode(image)))
        return record_format.decode(encoded), encoded

    black = tf.zeros([RECORD_SIZE, RECORD_SIZE, 3], tf.uint8)

    def encode_batch(batch: dict[str, Any]) -> dict[str, Any]:
        (records, encoded), valid = map_where_valid(
            encode,
            batch["image"],
            otherwise=(black, ""),
            at_once=max(1, cores // BATCHES_AT_ONCE),
        )
        return {
            **batch,
            "valid": valid,
            "bytes": encoded,
            "sums": batch_sums(records),
        }

    return (
        examples.batch(BATCH)
        .map(encode_batch, num_parallel_calls=BATCHES_AT_ONCE)
        .prefetch(1)
        .with_options(untuned())
    )
