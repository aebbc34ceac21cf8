"""What the bytes of an image file say before they are decoded.

Decoding first and looking later is what a decompression bomb waits for: a
PNG of 100 kB can stand for gigabytes. All of this runs inside the graph, so
the exported model refuses what preparation and training refuse.
"""

import tensorflow as tf

HEADER_BYTES = 32
# Markers of JPEG files (ITU-T T.81, table B.1).
RESTART_0, RESTART_7 = 0xD0, 0xD7
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA
MOST_JPEG_SEGMENTS = 10_000  # more are no photograph, and take time


def bytes_at(
    encoded: tf.Tensor, position: tf.Tensor | int, count: int
) -> tf.Tensor:
    """int32 [count], 0..255; zeros where the file has ended."""
    size = tf.strings.length(encoded)
    read = tf.strings.substr(encoded, tf.minimum(position, size), count)
    found = tf.cast(tf.io.decode_raw(read, tf.uint8), tf.int32)
    padded = tf.pad(found, [[0, count - tf.size(found)]])
    return tf.ensure_shape(padded, [count])


def big_endian(octets: tf.Tensor) -> tf.Tensor:
    """The int64 that the bytes stand for, most significant first."""
    return little_endian(octets[::-1])


def little_endian(octets: tf.Tensor) -> tf.Tensor:
    """The int64 that the bytes stand for, least significant first."""
    places = 256 ** tf.range(octets.shape[0], dtype=tf.int64)
    return tf.reduce_sum(tf.cast(octets, tf.int64) * places)


def file_format(header: tf.Tensor) -> dict[str, tf.Tensor]:
    """{"jpeg", "png", "gif", "bmp", "webp": bool scalar} by the first bytes.

    Args:
        header: int32 [32], see `bytes_at`.
    """

    def begins(magic: bytes, at: int = 0) -> tf.Tensor:
        return tf.reduce_all(header[at : at + len(magic)] == list(magic))

    return {
        "jpeg": begins(b"\xff\xd8\xff"),
        "png": begins(b"\x89PNG\r\n\x1a\n"),
        "gif": begins(b"GIF8"),
        "bmp": begins(b"BM"),
        "webp": begins(b"RIFF") & begins(b"WEBP", at=8),
    }


def pixel_count(
    encoded: tf.Tensor, header: tf.Tensor, is_format: dict[str, tf.Tensor]
) -> tf.Tensor:
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


def _jpeg_pixels(encoded: tf.Tensor) -> tf.Tensor:
    shape = tf.io.extract_jpeg_shape(encoded, output_type=tf.int32)
    return tf.reduce_prod(tf.cast(shape[:2], tf.int64))


def _png_pixels(header: tf.Tensor) -> tf.Tensor:
    return big_endian(header[16:20]) * big_endian(header[20:24])


def _bmp_pixels(header: tf.Tensor) -> tf.Tensor:
    # The number is signed: a negative height means that the rows run downwards.
    width, height = (
        tf.bitcast(tf.cast(little_endian(octets), tf.uint32), tf.int32)
        for octets in (header[18:22], header[22:26])
    )
    return tf.abs(tf.cast(width, tf.int64) * tf.cast(height, tf.int64))


def _webp_pixels(header: tf.Tensor) -> tf.Tensor:
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


def jpeg_scan_count(encoded: tf.Tensor, most: int) -> tf.Tensor:
    """Number of scans of a JPEG file; int32 scalar.

    Each scan of a progressive JPEG may touch every coefficient of the image
    and be a few bytes long, so their number bounds the time of decoding.

    Args:
        encoded: scalar string, a JPEG file.
        most: number of scans up to which the file is decoded; above it only
            "more" is right.
    """
    # These bytes mark a scan: they are seldom there but where a scan begins,
    # and never fewer than there are scans.
    split = tf.raw_ops.StringSplitV2(input=[encoded], sep=b"\xff\xda")
    bound = tf.size(split.values) - 1
    return tf.cond(
        bound <= most, lambda: bound, lambda: _scans_of_picture(encoded, most)
    )


def _scans_of_picture(encoded: tf.Tensor, most: int) -> tf.Tensor:
    """The scans before the end of the picture, marker by marker.

    Thumbnails in metadata and the video behind a motion photograph have the
    bytes of a scan's marker, too, and no scan of the picture. As a decoder
    does, it looks for the next marker wherever it is lost.
    """
    octets = tf.io.decode_raw(encoded, tf.uint8)
    after = octets[1:]
    # Inside a scan FF is followed by 0 or a restart marker.
    is_marker = (
        (octets[:-1] == 0xFF)
        & (after != 0)
        & (after != 0xFF)
        & ((after < RESTART_0) | (after > RESTART_7))
    )
    places = tf.cast(tf.where(is_marker)[:, 0], tf.int32)
    kinds = tf.cast(tf.gather(after, places), tf.int32)

    def is_inside(
        count: tf.Tensor, position: tf.Tensor, scans: tf.Tensor
    ) -> tf.Tensor:
        place = tf.searchsorted(places, [position])[0]
        return (
            (count < MOST_JPEG_SEGMENTS)
            & (scans <= most)
            & (place < tf.size(places))
        )

    def step(
        count: tf.Tensor, position: tf.Tensor, scans: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        place = tf.searchsorted(places, [position])[0]
        start, kind = places[place], kinds[place]
        length = bytes_at(encoded, start + 2, 2)
        is_end = kind == END_OF_IMAGE
        has_length = (kind != START_OF_IMAGE) & tf.logical_not(is_end)
        behind = (
            start + 2 + tf.where(has_length, 256 * length[0] + length[1], 0)
        )
        return (
            count + 1,
            tf.where(is_end, tf.int32.max, behind),
            scans + tf.cast(kind == START_OF_SCAN, tf.int32),
        )

    count, _, scans = tf.while_loop(is_inside, step, [0, 0, 0])
    return tf.where(count < MOST_JPEG_SEGMENTS, scans, most + 1)
