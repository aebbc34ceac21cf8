"""EXIF orientation: cameras write sideways pictures and a note.

Every viewer turns them upright, so a person who sends one expects the class
of the picture on the screen. Only JPEG files are looked at: that is what
cameras write.
"""

import tensorflow as tf

from alexnet_tf.data.decoding.encoded import big_endian, bytes_at, little_endian

APP1, START_OF_SCAN = 0xE1, 0xDA
MOST_SEGMENTS = 64  # the EXIF segment is the first or second in practice
SHORT = 3  # TIFF's 16-bit type
ORIENTATION_TAG = 0x0112
UPRIGHT = 1


def exif_orientation(encoded):
    """The orientation a JPEG file asks for, 1 to 8 (EXIF 2.3, 4.6.4.A).

    Args:
        encoded: scalar string, a JPEG file.

    Returns:
        int32 scalar; 1, upright, where nothing valid is written.
    """
    found, position = _find_exif(encoded)
    return tf.cond(
        found,
        lambda: _read_orientation(encoded, position),
        lambda: UPRIGHT,
    )


def upright(image, orientation):
    """Turns and mirrors an image as its orientation asks.

    Args:
        image: uint8 [H, W, 3].
        orientation: int32 scalar, 1 to 8.

    Returns:
        uint8 [H, W, 3], or [W, H, 3] for the orientations from 5 on.
    """

    def turn():
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


def _transposed(image):
    # A pixel as one float: for other types TensorFlow 2.21 prints an error of
    # oneDNN's. Under 64 as highest byte all of them are normal numbers.
    padding = [[0, 0], [0, 0], [0, 1]]
    pixels = tf.bitcast(tf.pad(image, padding, constant_values=64), tf.float32)
    return tf.bitcast(tf.transpose(pixels), tf.uint8)[..., :3]


def _one_of(value, values):
    return tf.reduce_any(value == list(values))


def _find_exif(encoded):
    """(bool: found, int32: where its TIFF header begins)."""
    size = tf.strings.length(encoded)

    def searching(count, position, found):
        return tf.logical_not(found) & (
            (position + 10 < size) & (count < MOST_SEGMENTS)
        )

    def look(count, position, _):
        # marker (2 bytes), length (2), then perhaps "Exif\0\0"
        segment = bytes_at(encoded, position, 10)
        is_exif = (segment[1] == APP1) & tf.reduce_all(
            segment[4:] == list(b"Exif\0\0")
        )
        broken = (segment[0] != 0xFF) | (segment[1] == START_OF_SCAN)
        length = 2 + 256 * segment[2] + segment[3]
        step = tf.where(is_exif, 10, tf.where(broken, size, length))
        return count + 1, position + step, is_exif

    _, position, found = tf.while_loop(searching, look, [0, 2, False])
    return found, position


def _read_orientation(encoded, tiff):
    """Looks the tag up in the first image file directory (TIFF 6.0)."""
    header = bytes_at(encoded, tiff, 8)
    is_big = header[0] == ord("M")

    def number(octets):
        return tf.cast(
            tf.where(is_big, big_endian(octets), little_endian(octets)),
            tf.int32,
        )

    def short_columns(entries, first):
        """16-bit numbers at bytes first, first + 1 of every entry."""
        low, high = entries[:, first], entries[:, first + 1]
        low, high = tf.where(is_big, high, low), tf.where(is_big, low, high)
        return low + 256 * high

    size = tf.strings.length(encoded)
    # Negative where the 32-bit offset overflows: no such file is that long.
    directory = tiff + tf.clip_by_value(number(header[4:8]), 0, size - tiff)
    count = number(bytes_at(encoded, directory, 2))
    # Twelve bytes an entry: tag, type, number of values, value.
    read = tf.strings.substr(
        encoded, tf.minimum(directory + 2, size), 12 * count
    )
    octets = tf.cast(tf.io.decode_raw(read, tf.uint8), tf.int32)
    complete = tf.size(octets) // 12
    entries = tf.reshape(octets[: 12 * complete], [complete, 12])
    wanted = (short_columns(entries, 0) == ORIENTATION_TAG) & (
        short_columns(entries, 2) == SHORT
    )
    values = tf.boolean_mask(short_columns(entries, 8), wanted)
    value = tf.concat([values, [UPRIGHT]], axis=0)[0]
    return tf.where((value >= 1) & (value <= 8), value, UPRIGHT)
