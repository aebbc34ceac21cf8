"""What the bytes of an image file say before they are decoded.

Decoding first and looking later is what a decompression bomb waits for: a
PNG of 100 kB can stand for gigabytes. All of this runs inside the graph, so
the exported model refuses what preparation and training refuse.
"""

import tensorflow as tf

HEADER_BYTES = 32


def bytes_at(encoded, position, count):
    """int32 [count], 0..255; zeros where the file has ended."""
    size = tf.strings.length(encoded)
    read = tf.strings.substr(encoded, tf.minimum(position, size), count)
    found = tf.cast(tf.io.decode_raw(read, tf.uint8), tf.int32)
    padded = tf.pad(found, [[0, count - tf.size(found)]])
    return tf.ensure_shape(padded, [count])


def big_endian(octets):
    """The int64 that the bytes stand for, most significant first."""
    return little_endian(octets[::-1])


def little_endian(octets):
    """The int64 that the bytes stand for, least significant first."""
    places = 256 ** tf.range(octets.shape[0], dtype=tf.int64)
    return tf.reduce_sum(tf.cast(octets, tf.int64) * places)


def file_format(header):
    """{"jpeg", "png", "gif", "bmp", "webp": bool scalar} by the first bytes.

    Args:
        header: int32 [32], see `bytes_at`.
    """

    def begins(magic, at=0):
        return tf.reduce_all(header[at : at + len(magic)] == list(magic))

    return {
        "jpeg": begins(b"\xff\xd8\xff"),
        "png": begins(b"\x89PNG\r\n\x1a\n"),
        "gif": begins(b"GIF8"),
        "bmp": begins(b"BM"),
        "webp": begins(b"RIFF") & begins(b"WEBP", at=8),
    }


def pixel_count(encoded, header, is_format):
    """Width times height as the header says; int64 scalar, 0 if unknown.

    Args:
        encoded: scalar string; a GIF must begin with the frame that counts,
            see `first_gif_frame`.
        header: its first bytes, int32 [32].
        is_format: see `file_format`.

    Raises:
        tf.errors.InvalidArgumentError: a JPEG file without a size.
    """
    return tf.case(
        [
            (is_format["jpeg"], lambda: _jpeg_pixels(encoded)),
            (is_format["png"], lambda: _png_pixels(header)),
            (is_format["bmp"], lambda: _bmp_pixels(header)),
            (is_format["webp"], lambda: _webp_pixels(header)),
        ],
        default=lambda: tf.constant(0, tf.int64),
    )


def _jpeg_pixels(encoded):
    shape = tf.io.extract_jpeg_shape(encoded, output_type=tf.int32)
    return tf.reduce_prod(tf.cast(shape[:2], tf.int64))


def _png_pixels(header):
    return big_endian(header[16:20]) * big_endian(header[20:24])


def _bmp_pixels(header):
    # Signed: a negative height means that the rows run downwards.
    width, height = (
        tf.bitcast(tf.cast(little_endian(octets), tf.uint32), tf.int32)
        for octets in (header[18:22], header[22:26])
    )
    return tf.abs(tf.cast(width, tf.int64) * tf.cast(height, tf.int64))


def _webp_pixels(header):
    """The three kinds of WebP write their size in three ways (RFC 9649)."""
    lossy = (little_endian(header[26:28]) % 2**14) * (
        little_endian(header[28:30]) % 2**14
    )
    packed = little_endian(header[21:25])
    lossless = (packed % 2**14 + 1) * (packed // 2**14 % 2**14 + 1)
    extended = (little_endian(header[24:27]) + 1) * (
        little_endian(header[27:30]) + 1
    )
    kind = header[15]
    return tf.case(
        [
            (kind == ord(" "), lambda: lossy),
            (kind == ord("L"), lambda: lossless),
        ],
        default=lambda: extended,
    )


def jpeg_scan_count(encoded):
    """Number of scans of a JPEG file; int32 scalar.

    Each scan of a progressive JPEG may touch every coefficient of the image
    and be a few bytes long, so their number bounds the time of decoding.
    Inside a scan FF is always followed by 0 or a restart marker, so FF DA
    can only begin one (or lie in metadata, as that of a thumbnail does).
    """
    split = tf.raw_ops.StringSplitV2(input=[encoded], sep=b"\xff\xda")
    return tf.size(split.values) - 1
