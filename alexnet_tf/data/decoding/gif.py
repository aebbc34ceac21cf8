"""The first frame of a GIF, found without decoding the others.

TensorFlow's decoder expands every frame before it returns the first, so a
small animation can take all memory.
"""

import tensorflow as tf

from alexnet_tf.data.decoding.encoded import bytes_at, little_endian

IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
SCREEN_END = 13  # signature and logical screen descriptor


def first_gif_frame(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A GIF with the first frame alone.

    Args:
        encoded: scalar string, a GIF file.

    Returns:
        (scalar string: the file cut after its first frame, int64 scalar: the
        frame's number of pixels). A damaged file is returned as it is, with
        0 pixels.
    """
    size = tf.strings.length(encoded)
    screen = bytes_at(encoded, 0, SCREEN_END)
    start = SCREEN_END + _colour_table_bytes(screen[10])
    frame = _skip_extensions(encoded, start, size)
    descriptor = bytes_at(encoded, frame, 10)
    data = frame + 10 + _colour_table_bytes(descriptor[9])
    end = _skip_sub_blocks(encoded, data + 1, size)  # 1: LZW's code size
    pixels = little_endian(descriptor[5:7]) * little_endian(descriptor[7:9])
    return tf.cond(
        (descriptor[0] == IMAGE) & (end <= size),
        lambda: (
            tf.strings.join(
                [tf.strings.substr(encoded, 0, end), bytes([TRAILER])]
            ),
            pixels,
        ),
        lambda: (encoded, tf.constant(0, tf.int64)),
    )


def _colour_table_bytes(flags: tf.Tensor) -> tf.Tensor:
    """Size of the colour table that a packed field announces."""
    entries = tf.bitwise.left_shift(2, flags % 8)
    return tf.where(flags >= 128, 3 * entries, 0)


def _skip_extensions(
    encoded: tf.Tensor, position: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
    """Position of the first block that is no extension."""

    def is_extension(position: tf.Tensor) -> tf.Tensor:
        return (position < size) & (
            bytes_at(encoded, position, 1)[0] == EXTENSION
        )

    def skip(position: tf.Tensor) -> list[tf.Tensor]:
        return [_skip_sub_blocks(encoded, position + 2, size)]

    [position] = tf.while_loop(is_extension, skip, [position])
    return position


def _skip_sub_blocks(
    encoded: tf.Tensor, position: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
    """Position after the chain of sub-blocks that begins at `position`.

    Beyond `size` where the file ends before the chain does.
    """

    def unfinished(position: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        return (length > 0) & (position <= size)

    def skip(position: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Past the end 1 stands for "not finished".
        length = tf.cond(
            position < size,
            lambda: bytes_at(encoded, position, 1)[0],
            lambda: 1,
        )
        return position + 1 + length, length

    position, _ = tf.while_loop(unfinished, skip, [position, 1])
    return position
