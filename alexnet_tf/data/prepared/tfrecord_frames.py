"""Where the records of a TFRecord file begin, also in a damaged one.

A record is its length (uint64), the masked CRC-32C of that, the data and the
masked CRC-32C of the data (TensorFlow, core/lib/io/record_writer.h). Where a
length is damaged, the next eight bytes that are followed by their checksum
are the next length: by chance that happens once in 4 billion places.
"""

import pathlib

import numpy as np

HEADER_BYTES, FOOTER_BYTES = 12, 4
WINDOWS_AT_ONCE = 2**20


def record_offsets(path, count):
    """The first byte of each of the `count` records of a file.

    Args:
        path: of the file.
        count: number of records that were written to it.

    Returns:
        A list of `count` offsets; None stands for records that have been cut
        off, or whose beginning cannot be found. Whether the data of a record
        is sound is not looked at.
    """
    data = np.frombuffer(pathlib.Path(path).read_bytes(), np.uint8)
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


def _end_of_record(data, position):
    """The byte behind a record; None where its length is damaged."""
    header = data[position : position + HEADER_BYTES]
    if len(header) < HEADER_BYTES or not _are_headers(header[None])[0]:
        return None
    length = int(header[:8].view("<u8")[0])
    return position + HEADER_BYTES + length + FOOTER_BYTES


def _next_header(data, position):
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


def _are_headers(windows):
    """Whether each row of uint8 [N, 12] is a length and its checksum."""
    crc = np.full(len(windows), 0xFFFFFFFF, np.uint32)
    for octet in windows[:, :8].T:
        crc = _TABLE[(crc ^ octet) & 0xFF] ^ (crc >> np.uint32(8))
    crc = ~crc
    masked = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    masked = masked + np.uint32(0xA282EAD8)
    stored = np.ascontiguousarray(windows[:, 8:]).view("<u4")[:, 0]
    return masked == stored


def _crc_table():
    """CRC-32C of every byte (the Castagnoli polynomial, reflected)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(
            table & 1, np.uint32(0x82F63B78), np.uint32(0)
        )
    return table


_TABLE = _crc_table()
