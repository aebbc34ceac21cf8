"""BMP files of every kind, against Pillow and against their own bytes."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.preprocess import decode

random = np.random.default_rng(0)
PIXELS = random.integers(0, 256, (13, 29, 3), np.uint8)
PICTURE = Image.fromarray(PIXELS)


def bmp(rows, bits, palette=b"", compression=0, width=29, height=13, masks=b""):
    """A file with a BITMAPINFOHEADER; `rows` are padded bytes."""
    first = 54 + len(palette) + len(masks)
    return (
        b"BM"
        + struct.pack("<IHHI", first + len(rows), 0, 0, first)
        + struct.pack("<IiiHH", 40, width, height, 1, bits)
        + struct.pack("<IIiiII", compression, 0, 0, 0, len(palette) // 4, 0)
        + masks
        + palette
        + rows
    )


@pytest.mark.parametrize("colours", [2, 7, 16, 17, 200, 256])
def test_palettes_are_colours(colours):
    picture = PICTURE.quantize(colours)
    file = io.BytesIO()
    picture.save(file, "BMP")
    np.testing.assert_array_equal(
        decode(file.getvalue()), np.array(picture.convert("RGB"))
    )


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA"])
def test_what_pillow_writes(mode):
    picture = PICTURE.convert(mode)
    file = io.BytesIO()
    picture.save(file, "BMP")
    np.testing.assert_array_equal(
        decode(file.getvalue()), np.array(picture.convert("RGB"))
    )


def test_sixteen_colours_in_half_bytes():
    indices = random.integers(0, 16, (13, 32), np.uint8)
    palette = random.integers(0, 256, (16, 4), np.uint8)
    packed = (indices[:, ::2] << 4 | indices[:, 1::2]).astype(np.uint8)
    data = bmp(packed[::-1].tobytes(), 4, palette.tobytes(), width=31)
    wanted = palette[indices[:, :31]][..., 2::-1]
    np.testing.assert_array_equal(decode(data), wanted)


def test_rows_may_run_downwards():
    rows = np.pad(PIXELS[..., ::-1].reshape(13, -1), [(0, 0), (0, 1)])
    data = bmp(rows.tobytes(), 24, height=-13)
    np.testing.assert_array_equal(decode(data), PIXELS)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (3, 1, 0)])
def test_masks_say_which_byte_is_which_colour(order):
    rows = np.zeros((13, 29, 4), np.uint8)
    for colour, byte in enumerate(order):
        rows[..., byte] = PIXELS[..., colour]
    masks = struct.pack("<III", *(0xFF << 8 * byte for byte in order))
    data = bmp(rows[::-1].tobytes(), 32, compression=3, masks=masks)
    np.testing.assert_array_equal(decode(data), PIXELS)


RUN_LENGTHS = 1
REFUSED = {
    "run lengths": bmp(bytes(500), 8, bytes(1024), compression=RUN_LENGTHS),
    "16 bits": bmp(bytes(60 * 13), 16),
    "masks that share a byte": bmp(
        bytes(4 * 29 * 13),
        32,
        compression=3,
        masks=struct.pack("<III", 0xFF, 0xFF0, 0xFF0000),
    ),
    "cut short": bmp(bytes(88 * 12), 24),
    "no bits": bmp(bytes(88 * 13), 0),
    "begins inside the header": bmp(bytes(88 * 13), 24).replace(
        struct.pack("<I", 54), struct.pack("<I", 2), 1
    ),
    "OS/2": b"BM"
    + struct.pack("<IHHI", 26 + 88 * 13, 0, 0, 26)
    + struct.pack("<IHHHH", 12, 29, 13, 1, 24)
    + bytes(88 * 13),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_decoded_is_refused(kind):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(REFUSED[kind])
