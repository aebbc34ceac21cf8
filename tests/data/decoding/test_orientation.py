"""EXIF orientation, against Pillow's exif_transpose."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from alexnet_tf.data.decoding.encoded import (
    HEADER_BYTES,
    bytes_at,
    file_format,
)
from alexnet_tf.data.decoding.orientation import exif_orientation, upright
from alexnet_tf.data.preprocess import decode

TAG = 0x0112
SHORT, LONG = 3, 4


def orientation_of(data):
    """What an image file asks for; an integer."""
    encoded = tf.constant(data)
    header = bytes_at(encoded, 0, HEADER_BYTES)
    return int(exif_orientation(encoded, file_format(header)))


def tiff(entries, order="<"):
    """An EXIF body: tag, type, value of each entry in one directory."""
    header = struct.pack(
        f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8
    )
    body = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        form = "HHII" if kind == LONG else "HHIHxx"
        body += struct.pack(f"{order}{form}", tag, kind, 1, value)
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
    np.testing.assert_array_equal(ours, wanted)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_32_bit_number_in_every_format(format, order):
    exif = tiff([(0x010F, SHORT, 7), (TAG, LONG, 6)], order)
    pixels = np.arange(40 * 24 * 3, dtype=np.uint8).reshape(40, 24, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file,
        format,
        exif=b"Exif\0\0" + exif,
        **({"lossless": True} if format == "WEBP" else {}),
    )
    data = file.getvalue()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(data), np.array(image.convert("RGB")))
    assert decode(data).shape == (24, 40, 3)


@pytest.mark.parametrize("fill", [1, 5, 100])
def test_fill_bytes_before_markers_are_passed_over(fill):
    data = jpeg(tiff([(TAG, SHORT, 6)]))
    filled = data[:2] + b"\xff" * fill + data[2:]
    assert orientation_of(filled) == 6
    np.testing.assert_array_equal(decode(filled), decode(data))


def test_xmp_stands_in_an_app1_segment_too():
    data = jpeg(tiff([(TAG, SHORT, 8)]))
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(xmp)) + xmp
    assert orientation_of(data[:2] + segment + data[2:]) == 8


def test_other_bytes_that_look_like_it_are_no_exif():
    pixels = np.arange(20 * 20 * 3, dtype=np.uint8).reshape(20, 20, 3)
    text = PngInfo()
    text.add_text("eXIf", "Exif")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=text)
    assert b"eXIf" in file.getvalue()
    np.testing.assert_array_equal(decode(file.getvalue()), pixels)


def test_the_jfif_segment_comes_first():
    data = jpeg(tiff([(TAG, 3, 6)]), dpi=(72, 72))
    jfif = b"\xff\xe0" + struct.pack(
        ">H5sBBBHHBB", 16, b"JFIF", 1, 1, 1, 72, 72, 0, 0
    )
    data = data[:2] + jfif + data[2:]
    assert orientation_of(data) == 6


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
        tiff([(TAG, LONG, 0x10006)]),
        tiff([(TAG, 7, 6)]),  # a type that has no numbers
        tiff([(TAG, 3, 0)]),
        tiff([(TAG, 3, 9)]),
        tiff([(TAG, 3, 6)])[:15],  # cut
    ],
)
def test_upright_where_nothing_valid_is_written(exif):
    assert orientation_of(jpeg(exif)) == 1


def test_exif_after_many_segments_ends_the_search():
    data = jpeg(tiff([(TAG, 3, 6)]))
    padding = b"\xff\xe2" + struct.pack(">H", 2)
    data = data[:2] + padding * 1000 + data[2:]
    assert orientation_of(data) == 1


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
