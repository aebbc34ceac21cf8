"""Encoded images as a signature gets them: bounded, decoded, each by itself."""

import contextlib
from collections.abc import Callable

import tensorflow as tf

from alexnet_tf.data.decoding.isolation import map_where_valid
from alexnet_tf.data.preprocess import RECORD_SIZE, decode, to_record

MOST_IMAGES = 128  # or other rows a request; more would hold up all others
DECODED_AT_ONCE = 4  # each may have 65 million pixels


def records_of(
    elements: tf.Tensor,
    decode_element: Callable[[tf.Tensor], tf.Tensor] = decode,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes what a request carries.

    TF Serving checks no shapes: without `tf.ensure_shape` a scalar would reach
    the graph and fail obscurely.

    Args:
        elements: string [B], 1 to MOST_IMAGES of them.
        decode_element: from one of them to uint8 [H, W, 3].

    Returns:
        (records: uint8 [B, 256, 256, 3], black where an image cannot be
        decoded, valid: bool [B]).
    """
    elements = tf.ensure_shape(elements, [None])
    with bounded(tf.size(elements)):
        elements = tf.identity(elements)
    return map_where_valid(
        lambda element: to_record(decode_element(element)),
        elements,
        otherwise=tf.zeros([RECORD_SIZE, RECORD_SIZE, 3], tf.uint8),
        at_once=DECODED_AT_ONCE,
    )


def bounded(
    count: tf.Tensor, row: str = "image"
) -> contextlib.AbstractContextManager:
    """What runs within waits for the number of rows to be checked.

    Every signature needs it: a row of a few bytes may be answered with many.

    Args:
        count: int32 scalar.
        row: what each of them is.
    """
    return tf.control_dependencies(
        [
            tf.debugging.Assert(
                count > 0, [f"there must be at least one {row}"]
            ),
            tf.debugging.Assert(
                count <= MOST_IMAGES,
                [f"at most {MOST_IMAGES} {row}s a request"],
            ),
        ]
    )


def zero_unless(valid: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Rows [B, ...] with zeros where bool [B] says that they are not valid."""
    shape = tf.concat([tf.shape(valid), tf.ones_like(tf.shape(rows)[1:])], 0)
    return tf.where(tf.reshape(valid, shape), rows, tf.zeros_like(rows))
