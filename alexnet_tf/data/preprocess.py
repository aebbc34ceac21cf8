"""From an encoded image to a 256x256 record: one function for all uses.

Preparation, training, evaluation, prediction and the exported model call the
functions here, so a network sees the same pixels everywhere.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from alexnet_tf.data.decoding.bmp import decode_bmp
from alexnet_tf.data.decoding.encoded import (
    HEADER_BYTES,
    bytes_at,
    file_format,
    jpeg_scan_count,
    pixel_count,
)
from alexnet_tf.data.decoding.gif import first_gif_frame
from alexnet_tf.data.decoding.orientation import exif_orientation, upright
from alexnet_tf.errors import one_line

RECORD_SIZE = 256  # Krizhevsky et al. 2012, section 2
PIXEL_BYTES = 3 * RECORD_SIZE**2  # of a record
# The longer side after resizing is at most this many times 256: a 1x3000
# image would otherwise become 256x768000.
MAX_ASPECT_RATIO = 20
# Photographs of 64 megapixels, the most that phones write without being asked
# to, have up to 9280x6944 pixels.
MAX_PIXELS = 65_000_000
# These pixels of 8 bytes each, and as much again for what lies beside them.
MAX_FILE_BYTES = 2**30
DCT_METHOD = "INTEGER_ACCURATE"
MAX_SCANS = 100  # progressive encoders write ten or so

_TOO_LONG = f"one side is over {MAX_ASPECT_RATIO} times the other"
_TOO_LARGE = f"more than {MAX_PIXELS:,} pixels"
_TOO_MANY_SCANS = f"more than {MAX_SCANS} scans"
_NO_IMAGE = "not a JPEG, PNG, GIF, BMP or WebP image that can be decoded"


# This is a function of its own, so that loops over bytes never run in Python.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG, PNG, GIF (first frame), BMP or WebP image.

    Greyscale, CMYK and palette images become RGB, transparency is dropped,
    and the image is turned upright as its EXIF orientation asks. Size and
    format are read off the header before anything is decoded.

    Args:
        encoded: scalar string tensor.

    Returns:
        uint8 [H, W, 3], 0..255.

    Raises:
        tf.errors.InvalidArgumentError: the bytes are not such an image, or
            one with more than 65 million pixels or 100 scans.
    """
    header = bytes_at(encoded, 0, HEADER_BYTES)
    is_format = file_format(header)
    encoded, gif_pixels = tf.cond(
        is_format["gif"],
        lambda: first_gif_frame(encoded),
        lambda: (encoded, tf.constant(0, tf.int64)),
    )
    pixels = gif_pixels + pixel_count(encoded, header, is_format)
    scans = tf.cond(
        is_format["jpeg"],
        lambda: jpeg_scan_count(encoded, MAX_SCANS),
        lambda: 1,
    )
    checks = [
        # Other formats that TensorFlow knows are not bounded above.
        tf.debugging.assert_positive(pixels, _NO_IMAGE),
        tf.debugging.assert_less_equal(
            pixels, tf.constant(MAX_PIXELS, tf.int64), _TOO_LARGE
        ),
        tf.debugging.assert_less_equal(scans, MAX_SCANS, _TOO_MANY_SCANS),
    ]
    with tf.control_dependencies(checks):
        encoded = tf.identity(encoded)
    image = tf.case(
        [
            (is_format["jpeg"], lambda: decode_jpeg(encoded)),
            (is_format["bmp"], lambda: decode_bmp(encoded)),
        ],
        default=lambda: tf.io.decode_image(
            encoded, channels=3, expand_animations=False
        ),
    )
    image.set_shape([None, None, 3])
    return upright(image, exif_orientation(encoded, is_format))


def decode_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG file as Pillow and OpenCV do; uint8 [H, W, 3].

    TensorFlow's default, the inexact inverse cosine transform, makes a picture
    0.6 to 0.8 grey levels darker in the mean.

    Args:
        encoded: scalar string tensor, a JPEG file.
    """
    return tf.io.decode_jpeg(encoded, channels=3, dct_method=DCT_METHOD)


def refusal(error: tf.errors.InvalidArgumentError) -> str:
    """Why `decode` or `to_record` refused an image, in a few words.

    Args:
        error: the tf.errors.InvalidArgumentError.
    """
    reasons = (_TOO_LONG, _TOO_LARGE, _TOO_MANY_SCANS)
    return next((r for r in reasons if r in error.message), _NO_IMAGE)


def to_record(image: tf.Tensor) -> tf.Tensor:
    """Shorter side to 256, then the central 256x256 (section 2).

    Area averaging where the image shrinks, bicubic where it grows, as in
    Krizhevsky's own tool for the purpose (cuda-convnet2, make-data).

    Args:
        image: uint8 [H, W, 3], 0..255.

    Returns:
        uint8 [256, 256, 3], 0..255, rounded to nearest.

    Raises:
        tf.errors.InvalidArgumentError: one side is more than 20 times the
            other.
    """
    sides = tf.shape(image)[:2]
    shorter, longer = tf.reduce_min(sides), tf.reduce_max(sides)
    # In a graph nothing waits for a check that it does not depend on: an
    # image of 88 bytes took gigabytes while it was being refused.
    with tf.control_dependencies(
        [
            tf.debugging.assert_less_equal(
                longer, MAX_ASPECT_RATIO * shorter, message=_TOO_LONG
            )
        ]
    ):
        shorter = tf.identity(shorter)
    size = tf.cast(
        tf.round(
            tf.cast(sides, tf.float64)
            * RECORD_SIZE
            / tf.cast(shorter, tf.float64)
        ),
        tf.int32,
    )
    resized = tf.cond(
        shorter > RECORD_SIZE,
        lambda: tf.image.resize(image, size, method="area"),
        lambda: tf.image.resize(image, size, method="bicubic"),
    )
    top, left = tf.unstack((size - RECORD_SIZE) // 2)
    centre = resized[top : top + RECORD_SIZE, left : left + RECORD_SIZE]
    centre.set_shape([RECORD_SIZE, RECORD_SIZE, 3])
    return tf.cast(tf.clip_by_value(tf.round(centre), 0, 255), tf.uint8)


def why_rejected(image: Any, decode: Callable[[Any], tf.Tensor]) -> str | None:
    """Why an image cannot become a record, in a few words; None if it can.

    Args:
        image: as `decode` takes it.
        decode: from it to uint8 [H, W, 3].
    """
    try:
        to_record(decode(image))
    except tf.errors.InvalidArgumentError as error:
        return refusal(error)
    except tf.errors.OpError as error:
        # A file that cannot be read is such an image.
        return one_line(error.message, 200)
    return None
