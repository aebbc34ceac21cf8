"""Records in the middle of TFRecord files, also of damaged ones.

A record is its length (uint64), the masked CRC-32C of that, the data and the
masked CRC-32C of the data (TensorFlow, core/lib/io/record_writer.h). Where a
length is damaged, the next eight bytes that are followed by their checksum
are the next length: by chance that happens once in 4 billion places.
"""

import pathlib
import struct

import numpy as np
import tensorflow as tf

HEADER_BYTES, FOOTER_BYTES = 12, 4
WINDOWS_AT_ONCE = 2**20
LENGTH = struct.Struct("<Q")
BUFFER_BYTES = 2**18  # what tf.data.TFRecordDataset takes


def open_tfrecord(
    path: str | tf.Tensor, offset: int | tf.Tensor, count: int | tf.Tensor
) -> tf.data.Dataset:
    """A dataset of `count` records from the byte at `offset` on."""

    def read(first: tf.Tensor) -> tf.data.Dataset:
        # tf.data.TFRecordDataset can only begin at the beginning.
        records = tf.raw_ops.TFRecordDatasetV2(
            filenames=[path],
            compression_type="",
            buffer_size=BUFFER_BYTES,
            byte_offsets=[first],
        )
        element = tf.TensorSpec([], tf.string)
        return tf.data.experimental.from_variant(records, element)

    # TensorFlow 2.21 forgets the offset of a dataset that stands in no other.
    start = tf.data.Dataset.from_tensors(tf.cast(offset, tf.int64))
    return start.flat_map(read).take(count)


def record_offsets(path: pathlib.Path, count: int) -> list[int | None]:
    """The first byte of each of the `count` records of a file.

    Args:
        path: of the file.
        count: number of records that were written to it.

    Returns:
        A list of `count` offsets; None stands for records that have been cut
        off, or whose beginning cannot be found. Whether the data of a record
        is sound is not looked at.
    """
    data = np.memmap(path, np.uint8, mode="r")
    offsets = _offsets_by_lengths(data)
    if (
        len(offsets) == count
        and _are_headers(
            data[np.add.outer(offsets, np.arange(HEADER_BYTES))]
        ).all()
    ):
        return [*offsets]
    offsets, lost_before, position = [], 0, 0
    while position is not None and position < len(data):
        offsets.append(position)
        following = _end_of_record(data, position)
        if following is None:
            following = _next_header(data, position + 1)
            lost_before = len(offsets)
        position = following
    lost = [None] * (count - len(offsets))
    offsets[lost_before or count : lost_before or count] = lost
    return offsets[:count]


def _offsets_by_lengths(data: np.ndarray) -> list[int]:
    """Where records begin if all lengths are sound: a few bytes of each."""
    offsets, position = [], 0
    while position + HEADER_BYTES <= len(data):
        offsets.append(position)
        [length] = LENGTH.unpack_from(data.data, position)
        position += HEADER_BYTES + length + FOOTER_BYTES
    return offsets if position == len(data) else []


def _end_of_record(data: np.ndarray, position: int) -> int | None:
    """The byte behind a record; None where its length is damaged."""
    header = data[position : position + HEADER_BYTES]
    if len(header) < HEADER_BYTES or not _are_headers(header[None])[0]:
        return None
    length = int(header[:8].view("<u8")[0])
    return position + HEADER_BYTES + length + FOOTER_BYTES


def _next_header(data: np.ndarray, position: int) -> int | None:
    """The first header from a byte on, or None."""
    places = len(data) - HEADER_BYTES + 1
    while position < places:
        last = min(position + WINDOWS_AT_ONCE, places)
        windows = np.lib.stride_tricks.sliding_window_view(
            data[position : last + HEADER_BYTES - 1], HEADER_BYTES
        )
        [found] = np.nonzero(_are_headers(windows))
        if len(found):
            return position + int(found[0])
        position = last
    return None


def _are_headers(windows: np.ndarray) -> np.ndarray:
    """Whether each row of uint8 [N, 12] is a length and its checksum."""
    crc = np.full(len(windows), 0xFFFFFFFF, np.uint32)
    for octet in windows[:, :8].T:
        crc = _TABLE[(crc ^ octet) & 0xFF] ^ (crc >> np.uint32(8))
    crc = ~crc
    masked = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    masked = masked + np.uint32(0xA282EAD8)
    stored = np.ascontiguousarray(windows[:, 8:]).view("<u4")[:, 0]
    return masked == stored


def _crc_table() -> np.ndarray:
    """CRC-32C of every byte (the Castagnoli polynomial, reflected)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(
            table & 1, np.uint32(0x82F63B78), np.uint32(0)
        )
    return table


_TABLE = _crc_table()
