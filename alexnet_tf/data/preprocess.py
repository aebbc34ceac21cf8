"""From an encoded image to a 256x256 record: one function for all uses.

Preparation, training, evaluation, prediction and the exported model call the
functions here, so a network sees the same pixels everywhere.
"""

import tensorflow as tf

RECORD_SIZE = 256  # Krizhevsky et al. 2012, section 2
# The longer side after resizing is at most this many times 256: a 1x3000
# image would otherwise become 256x768000.
MAX_ASPECT_RATIO = 20


def decode(encoded):
    """Decodes a JPEG, PNG, GIF (first frame), BMP or WebP image.

    Greyscale and CMYK images become RGB. EXIF orientation is not applied.

    Args:
        encoded: scalar string tensor.

    Returns:
        uint8 [H, W, 3], 0..255.

    Raises:
        tf.errors.InvalidArgumentError: the bytes are not such an image.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    return image


def to_record(image):
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
    tf.debugging.assert_less_equal(
        longer,
        MAX_ASPECT_RATIO * shorter,
        message=f"one side is over {MAX_ASPECT_RATIO} times the other",
    )
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
