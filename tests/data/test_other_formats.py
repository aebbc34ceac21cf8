"""What to do with files of formats that are not read."""

import io

import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.other_formats import is_address, other_format
from alexnet_tf.data.preprocess import decode


def saved(form):
    content = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(content, form)
    return content.getvalue()


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (saved("TIFF"), "a TIFF image"),
        (saved("PDF"), "a PDF document"),
        (saved("ICO"), "an icon"),
        (saved("AVIF"), "an AVIF image"),
        (saved("JPEG2000"), "a JPEG 2000 image"),
        (HEIC, "a HEIC photograph"),
        (VIDEO, "a video"),
        (b"\r\n<!DOCTYPE html>\n<html>", "a web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg>', "an SVG drawing"),
    ],
)
def test_the_kind_and_a_remedy_are_told(content, kind):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(content)
    told = other_format(content)
    assert told.startswith(f"{kind}")
    assert ": " in told
    assert "\n" not in told


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_what_is_read_is_of_no_other_format(form):
    assert other_format(saved(form)) is None
    assert other_format(saved(form)[:20]) is None


def test_of_unknown_content_nothing_is_told():
    assert other_format(b"") is None
    assert other_format(b"GIF8 cut") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("https://example.org/a.jpg", True),
        ("HTTP://a/b", True),
        ("file:///a.jpg", True),
        ("data:image/png;base64,AA", True),
        ("/a/b.jpg", False),
        ("a:b.jpg", False),
        ("C:/a.jpg", False),
    ],
)
def test_addresses(name, expected):
    assert is_address(name) is expected
