"""BMP files in the graph: palettes and bit masks, which TensorFlow ignores.

TensorFlow's own decoder takes the indices of a palette for grey levels and
the bits of a 32-bit pixel for blue, green, red, unused, whatever the masks
say. Neither is an error there, only another picture.
"""

import tensorflow as tf

from alexnet_tf.data.decoding.encoded import bytes_at, little_endian

FILE_HEADER = 14  # bytes before the header of the bitmap
INFO_HEADER = 40  # BITMAPINFOHEADER; versions 2 to 5 begin with it
MASKS = FILE_HEADER + INFO_HEADER  # of red, green and blue, four bytes each
UNCOMPRESSED, BIT_FIELDS = 0, 3
MOST_ENTRIES = 256  # of a palette


def decode_bmp(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a BMP file with 1, 4 or 8 bits of palette, 24 or 32 of colour.

    The size must have been checked: as many pixels as it says are reserved.

    Args:
        encoded: scalar string tensor.

    Returns:
        uint8 [H, W, 3], 0..255; transparency is dropped.

    Raises:
        tf.errors.InvalidArgumentError: the file is cut short or damaged, or
            it is of another kind: run-length encoded, 16 bits a pixel, masks
            that are no whole bytes, or OS/2's.
    """
    header = bytes_at(encoded, 0, MASKS)
    first_pixel, info_size, width, height = (
        _int32(header[at : at + 4]) for at in (10, 14, 18, 22)
    )
    bits = _int32(header[28:30])
    kind = _int32(header[30:34])
    rows = tf.abs(height)
    row_bytes = (tf.cast(width, tf.int64) * tf.cast(bits, tf.int64) + 31) // 32
    row_bytes = 4 * tf.cast(row_bytes, tf.int32)
    is_masked = (kind == BIT_FIELDS) & (bits == 32)
    sound = (
        (info_size >= INFO_HEADER)
        & ((kind == UNCOMPRESSED) | is_masked)
        & tf.reduce_any(bits == [1, 4, 8, 24, 32])
        & (width > 0)
        & (rows > 0)
        & (first_pixel >= MASKS)
        & (
            tf.cast(first_pixel, tf.int64)
            + tf.cast(rows, tf.int64) * tf.cast(row_bytes, tf.int64)
            <= tf.cast(tf.strings.length(encoded), tf.int64)
        )
    )
    with tf.control_dependencies(
        [tf.debugging.Assert(sound, ["this kind of BMP is not decoded"])]
    ):
        encoded = tf.identity(encoded)
    pixels = tf.strings.substr(encoded, first_pixel, rows * row_bytes)
    octets = tf.reshape(tf.io.decode_raw(pixels, tf.uint8), [rows, row_bytes])
    image = tf.cond(
        bits <= 8,
        lambda: _coloured(
            _indices(octets, bits, width),
            _palette(encoded, header, info_size, bits),
        ),
        lambda: _true_colour(encoded, octets, bits, width, is_masked),
    )
    # A negative height means that the rows run downwards.
    image = tf.cond(height > 0, lambda: tf.reverse(image, [0]), lambda: image)
    return tf.ensure_shape(image, [None, None, 3])


def _int32(octets: tf.Tensor) -> tf.Tensor:
    value = tf.cast(little_endian(octets), tf.uint32)
    return tf.bitcast(value, tf.int32)


def _indices(octets: tf.Tensor, bits: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """uint8 [H, W]: the place of each pixel in the palette."""

    def unpacked(bits: int) -> tf.Tensor:
        shifts = tf.range(8 - bits, -1, -bits)
        parts = tf.bitwise.right_shift(
            octets[..., None], tf.cast(shifts, tf.uint8)
        )
        parts = parts & tf.constant(2**bits - 1, tf.uint8)
        return tf.reshape(parts, [tf.shape(octets)[0], -1])

    found = tf.switch_case(
        tf.where(bits == 1, 0, tf.where(bits == 4, 1, 2)),
        [lambda: unpacked(1), lambda: unpacked(4), lambda: octets],
    )
    return found[:, :width]


def _palette(
    encoded: tf.Tensor, header: tf.Tensor, info_size: tf.Tensor, bits: tf.Tensor
) -> tf.Tensor:
    """uint8 [256, 3], RGB; black where the file has fewer colours."""
    said = _int32(header[46:50])
    entries = tf.bitwise.left_shift(1, bits)
    entries = tf.where((said > 0) & (said < entries), said, entries)
    # Versions 2 to 5 have the masks inside their header.
    start = FILE_HEADER + info_size
    blue_green_red = tf.reshape(
        bytes_at(encoded, start, 4 * MOST_ENTRIES), [MOST_ENTRIES, 4]
    )
    palette = tf.reverse(blue_green_red[:, :3], [1])
    exists = tf.range(MOST_ENTRIES)[:, None] < entries
    return tf.cast(tf.where(exists, palette, 0), tf.uint8)


def _coloured(indices: tf.Tensor, palette: tf.Tensor) -> tf.Tensor:
    return tf.gather(palette, tf.cast(indices, tf.int32))


def _true_colour(
    encoded: tf.Tensor,
    octets: tf.Tensor,
    bits: tf.Tensor,
    width: tf.Tensor,
    is_masked: tf.Tensor,
) -> tf.Tensor:
    """uint8 [H, W, 3] of rows of 24 or 32 bits a pixel."""
    size = bits // 8
    pixels = tf.reshape(
        octets[:, : width * size], [tf.shape(octets)[0], width, size]
    )

    def by_mask() -> tf.Tensor:
        """Each colour is the byte that its mask covers."""
        masks = tf.reshape(bytes_at(encoded, MASKS, 12), [3, 4])
        whole = tf.reduce_all((masks == 0) | (masks == 255)) & tf.reduce_all(
            tf.reduce_sum(masks, axis=1) == 255
        )
        with tf.control_dependencies(
            [
                tf.debugging.Assert(
                    whole, ["only masks of whole bytes are decoded"]
                )
            ]
        ):
            return tf.argmax(masks, axis=1, output_type=tf.int32)

    order = tf.cond(is_masked, by_mask, lambda: tf.constant([2, 1, 0]))
    return tf.gather(pixels, order, axis=2)
