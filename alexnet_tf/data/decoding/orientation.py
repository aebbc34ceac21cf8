"""EXIF orientation: cameras write sideways pictures and a note.

Every viewer turns them upright, so a person who sends one expects the class
of the picture on the screen. JPEG, PNG and WebP files carry the note.
"""

import tensorflow as tf

from alexnet_tf.data.decoding.encoded import (
    START_OF_SCAN,
    big_endian,
    bytes_at,
    little_endian,
)

APP1 = 0xE1
MOST_SEGMENTS = 64  # the EXIF segment is the first or second in practice
MOST_FILL_BYTES = 1024  # of FF before markers, as some programs write them
SHORT, LONG = 3, 4  # TIFF's 16-bit and 32-bit types
ORIENTATION_TAG = 0x0112
UPRIGHT = 1


def exif_orientation(
    encoded: tf.Tensor, is_format: dict[str, tf.Tensor]
) -> tf.Tensor:
    """The orientation an image file asks for, 1 to 8 (EXIF 2.3, 4.6.4.A).

    Args:
        encoded: scalar string, an image file.
        is_format: see `encoded.file_format`.

    Returns:
        int32 scalar; 1, upright, where nothing valid is written.
    """
    found, position = tf.case(
        [
            (is_format["jpeg"], lambda: _exif_of_jpeg(encoded)),
            (is_format["png"], lambda: _exif_of_chunk(encoded, b"eXIf", 4)),
            (is_format["webp"], lambda: _exif_of_chunk(encoded, b"EXIF", 8)),
        ],
        default=lambda: (tf.constant(False), tf.constant(0)),
    )
    return tf.cond(
        found,
        lambda: _read_orientation(encoded, position),
        lambda: UPRIGHT,
    )


def upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors an image as its orientation asks.

    Args:
        image: uint8 [H, W, 3].
        orientation: int32 scalar, 1 to 8.

    Returns:
        uint8 [H, W, 3], or [W, H, 3] for the orientations from 5 on.
    """

    def turn() -> tf.Tensor:
        turned = tf.cond(
            orientation >= 5, lambda: _transposed(image), lambda: image
        )
        axes = [
            _one_of(orientation, (3, 4, 7, 8)),
            _one_of(orientation, (2, 3, 6, 7)),
            False,
        ]
        return tf.raw_ops.Reverse(tensor=turned, dims=tf.stack(axes))

    result = tf.cond(orientation == UPRIGHT, lambda: image, turn)
    result.set_shape([None, None, 3])
    return result


def _transposed(image: tf.Tensor) -> tf.Tensor:
    # A pixel travels as one float: for other types TensorFlow 2.21 prints an
    # error of oneDNN's. With a highest byte under 64 all of them are normal
    # numbers.
    padding = [[0, 0], [0, 0], [0, 1]]
    pixels = tf.bitcast(tf.pad(image, padding, constant_values=64), tf.float32)
    return tf.bitcast(tf.transpose(pixels), tf.uint8)[..., :3]


def _one_of(value: tf.Tensor, values: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_any(value == list(values))


def _exif_of_jpeg(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(bool: found, int32: where its TIFF header begins)."""
    size = tf.strings.length(encoded)

    def searching(
        count: tf.Tensor, fill: tf.Tensor, position: tf.Tensor, found: tf.Tensor
    ) -> tf.Tensor:
        return tf.logical_not(found) & (
            (position + 10 < size)
            & (count < MOST_SEGMENTS)
            & (fill < MOST_FILL_BYTES)
        )

    def look(
        count: tf.Tensor, fill: tf.Tensor, position: tf.Tensor, _: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        # A segment has a marker (2 bytes), a length (2), then perhaps
        # "Exif\0\0".
        segment = bytes_at(encoded, position, 10)
        is_fill = (segment[0] == 0xFF) & (segment[1] == 0xFF)
        is_exif = (segment[1] == APP1) & tf.reduce_all(
            segment[4:] == list(b"Exif\0\0")
        )
        broken = (segment[0] != 0xFF) | (segment[1] == START_OF_SCAN)
        length = 2 + 256 * segment[2] + segment[3]
        step = tf.where(is_exif, 10, tf.where(broken, size, length))
        return (
            count + tf.cast(~is_fill, tf.int32),
            fill + tf.cast(is_fill, tf.int32),
            position + tf.where(is_fill, 1, step),
            is_exif,
        )

    _, _, position, found = tf.while_loop(searching, look, [0, 0, 2, False])
    return found, position


def _exif_of_chunk(
    encoded: tf.Tensor, name: bytes, header_bytes: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """The same for the chunk of that name in a PNG or WebP file.

    Args:
        encoded: scalar string.
        name: four bytes, the first of a chunk's header that are looked for.
        header_bytes: from the name to the content, 4 or 8.
    """
    # The chunk is found by its name: a PNG file may have thousands of chunks
    # before it. Bytes of the picture that look like it have no TIFF header
    # behind them.
    before = tf.raw_ops.StringSplitV2(
        input=[encoded], sep=name, maxsplit=1
    ).values[0]
    start = tf.strings.length(before) + header_bytes
    # Some programs begin it as in a JPEG file.
    marked = tf.reduce_all(bytes_at(encoded, start, 6) == list(b"Exif\0\0"))
    start += tf.where(marked, 6, 0)
    header = bytes_at(encoded, start, 4)
    found = tf.reduce_all(header == list(b"II*\0")) | tf.reduce_all(
        header == list(b"MM\0*")
    )
    return found, start


def _read_orientation(encoded: tf.Tensor, tiff: tf.Tensor) -> tf.Tensor:
    """Looks the tag up in the first image file directory (TIFF 6.0)."""
    header = bytes_at(encoded, tiff, 8)
    is_big = header[0] == ord("M")

    def number(octets: tf.Tensor) -> tf.Tensor:
        return tf.cast(
            tf.where(is_big, big_endian(octets), little_endian(octets)),
            tf.int32,
        )

    def short_columns(entries: tf.Tensor, first: int) -> tf.Tensor:
        """16-bit numbers at bytes first, first + 1 of every entry."""
        low, high = entries[:, first], entries[:, first + 1]
        low, high = tf.where(is_big, high, low), tf.where(is_big, low, high)
        return low + 256 * high

    size = tf.strings.length(encoded)
    # It is negative where the 32-bit offset overflows: no such file is that
    # long.
    directory = tiff + tf.clip_by_value(number(header[4:8]), 0, size - tiff)
    count = number(bytes_at(encoded, directory, 2))
    # An entry has twelve bytes: tag, type, number of values, value.
    read = tf.strings.substr(
        encoded, tf.minimum(directory + 2, size), 12 * count
    )
    octets = tf.cast(tf.io.decode_raw(read, tf.uint8), tf.int32)
    complete = tf.size(octets) // 12
    entries = tf.reshape(octets[: 12 * complete], [complete, 12])
    kinds = short_columns(entries, 2)
    wanted = (short_columns(entries, 0) == ORIENTATION_TAG) & (
        (kinds == SHORT) | (kinds == LONG)
    )
    # This is the half of a 32-bit number that matters; the other one must be 0.
    first, second = short_columns(entries, 8), short_columns(entries, 10)
    low, high = tf.where(is_big, second, first), tf.where(is_big, first, second)
    values = tf.where(
        kinds == LONG,
        tf.where(high == 0, low, 0),
        first,
    )
    values = tf.boolean_mask(values, wanted)
    value = tf.concat([values, [UPRIGHT]], axis=0)[0]
    return tf.where((value >= 1) & (value <= 8), value, UPRIGHT)
