"""EXIF orientation, against Pillow's exif_transpose."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from alexnet_tf.data.decoding.orientation import exif_orientation, upright
from alexnet_tf.data.preprocess import decode

TAG = 0x0112


def tiff(entries, order="<"):
    """An EXIF body: tag, type, value of each entry in one directory."""
    header = struct.pack(
        f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8
    )
    body = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        body += struct.pack(f"{order}HHIHH", tag, kind, 1, value, 0)
    return header + body + bytes(4)


def jpeg(exif=None, pixels=None, **options):
    if pixels is None:
        random = np.random.default_rng(0)
        pixels = random.integers(0, 256, (5, 7, 3), np.uint8)
        pixels = pixels.repeat(8, axis=0).repeat(8, axis=1)
    file = io.BytesIO()
    if exif is not None:
        options["exif"] = b"Exif\0\0" + exif
    Image.fromarray(pixels).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_image_is_pillows(orientation, order):
    maker = (0x010F, 3, 7)  # another tag before it
    data = jpeg(tiff([maker, (TAG, 3, orientation)], order))
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    wanted = np.array(image.convert("RGB"))
    ours = decode(data).numpy()
    assert ours.shape == wanted.shape
    # Decoders may round differently; a wrong turn is off by a hundred.
    assert np.abs(ours.astype(int) - wanted).max() <= 8


def test_the_jfif_segment_comes_first():
    data = jpeg(tiff([(TAG, 3, 6)]), dpi=(72, 72))
    jfif = b"\xff\xe0" + struct.pack(
        ">H5sBBBHHBB", 16, b"JFIF", 1, 1, 1, 72, 72, 0, 0
    )
    data = data[:2] + jfif + data[2:]
    assert int(exif_orientation(tf.constant(data))) == 6


@pytest.mark.parametrize(
    "exif",
    [
        None,
        b"",
        b"II",
        b"II*\0\xff\xff\xff\x7f",  # the directory is beyond the end
        b"MM\0*\xff\xff\xff\xff",
        tiff([]),
        tiff([(0x010F, 3, 6)]),  # another tag
        tiff([(TAG, 4, 6)]),  # a 32-bit number: not EXIF's type
        tiff([(TAG, 3, 0)]),
        tiff([(TAG, 3, 9)]),
        tiff([(TAG, 3, 6)])[:15],  # cut
    ],
)
def test_upright_where_nothing_valid_is_written(exif):
    assert int(exif_orientation(tf.constant(jpeg(exif)))) == 1


def test_exif_after_many_segments_ends_the_search():
    data = jpeg(tiff([(TAG, 3, 6)]))
    padding = b"\xff\xe2" + struct.pack(">H", 2)
    data = data[:2] + padding * 1000 + data[2:]
    assert int(exif_orientation(tf.constant(data))) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_moves_every_byte_unchanged(orientation):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (117, 233, 3), np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[TAG] = orientation
    np.testing.assert_array_equal(
        upright(tf.constant(pixels), tf.constant(orientation)),
        np.array(ImageOps.exif_transpose(image)),
    )
