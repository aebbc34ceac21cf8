"""Images that are larger than they look are refused before decoding."""

import io
import resource
import struct
import time
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.preprocess import MAX_SCANS, decode, refusal
from tests.slow import slow


def encode(pixels, format, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


SMALL = np.arange(48 * 32 * 3, dtype=np.uint8).reshape(48, 32, 3)


def patched(data, offset, layout, *values):
    """`data` with struct-packed values written at `offset`."""
    packed = struct.pack(layout, *values)
    return data[:offset] + packed + data[offset + len(packed) :]


def png_of(width, height):
    """A whole PNG file of a one-bit picture, without the picture in memory."""

    def chunk(kind, body):
        checked = kind + body
        return (
            struct.pack(">I", len(body))
            + checked
            + struct.pack(">I", zlib.crc32(checked))
        )

    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", body + packer.flush())
        + chunk(b"IEND", b"")
    )


def large_jpeg():
    data = encode(SMALL, "JPEG")
    frame = data.index(b"\xff\xc0")
    return patched(data, frame + 5, ">HH", 60000, 60000)


def large_webp(**options):
    data = encode(SMALL, "WEBP", **options)
    kind = data[12:16]
    if kind == b"VP8 ":
        return patched(data, 26, "<HH", 16383, 16383)
    if kind == b"VP8L":
        return patched(data, 21, "<I", 16382 | 16382 << 14)
    assert kind == b"VP8X"
    return patched(data, 24, "<I", 49999)[:27] + b"\x4f\xc3\x00" + data[30:]


def large_gif():
    data = encode(SMALL, "GIF")
    frame = data.index(b"\x2c\0\0\0\0")
    return patched(data, frame + 5, "<HH", 60000, 60000)


BOMBS = {
    "png": lambda: png_of(60000, 60000),
    "jpeg": large_jpeg,
    "gif": large_gif,
    "bmp": lambda: patched(encode(SMALL, "BMP"), 18, "<ii", 60000, 60000),
    "bmp, rows downwards": lambda: patched(
        encode(SMALL, "BMP"), 18, "<ii", 60000, -60000
    ),
    "webp, lossy": lambda: large_webp(quality=80),
    "webp, lossless": lambda: large_webp(lossless=True),
    "webp, extended": lambda: large_webp(
        exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0", quality=80
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_more_than_65_million_pixels(name):
    bomb = BOMBS[name]()
    assert len(bomb) < 1e6
    decode(encode(SMALL, "PNG"))  # the first call makes the graph
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        decode(bomb)
    assert refusal(refused.value) == "more than 65,000,000 pixels"
    assert time.monotonic() - started < 1
    # The smallest of these would take 800 MB.
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100e3  # kB


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("BMP", {}),
        ("GIF", {}),
        ("WEBP", {"quality": 80}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 80, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
    ],
)
@pytest.mark.parametrize(
    "size", [(1, 1), (300, 1), (17, 301), slow((5000, 9999))]
)
def test_honest_sizes_pass(format, options, size):
    pixels = np.zeros((*size, 3), np.uint8)
    assert decode(encode(pixels, format, **options)).shape == pixels.shape


def test_just_over_the_limit():
    assert decode(png_of(10_000, 6_500)).shape == (6_500, 10_000, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than"):
        decode(png_of(10_000, 6_501))


def scans_of(jpeg):
    """[(begin, end)] of the scans in a JPEG file."""
    begins = [i for i in range(len(jpeg)) if jpeg[i : i + 2] == b"\xff\xda"]
    return list(zip(begins, [*begins[1:], len(jpeg) - 2], strict=True))


def scan_bomb():
    jpeg = encode(np.zeros((6000, 8000, 3), np.uint8), "JPEG", progressive=True)
    # A refinement of the luma coefficients: 75 bytes that visit all of them.
    begin, end = scans_of(jpeg)[-1]
    return jpeg[:begin] + jpeg[begin:end] * 10_000 + jpeg[end:]


@pytest.mark.parametrize("behind", [b"", b"\xff\xd9\xff\xda" * 1000])
def test_a_jpeg_with_thousands_of_scans_is_refused_at_once(behind):
    bomb = scan_bomb() + behind
    started = time.monotonic()
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        decode(bomb)
    assert refusal(refused.value) == f"more than {MAX_SCANS} scans"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("megabytes", [1, 8])
def test_the_video_of_a_motion_photograph_has_no_scans(megabytes):
    photograph = encode(SMALL, "JPEG", progressive=True)
    video = np.random.default_rng(0).bytes(megabytes * 2**20)
    # As many as would be refused, whatever the random bytes are.
    behind = b"MotionPhoto_Data" + video + b"\xff\xda" * 2 * MAX_SCANS
    started = time.monotonic()
    np.testing.assert_array_equal(
        decode(photograph + behind), decode(photograph)
    )
    assert time.monotonic() - started < 2


def test_markers_in_metadata_are_no_scans():
    photograph = encode(SMALL, "JPEG")
    thumbnail = b"\xff\xd8" + b"\xff\xda" * 2 * MAX_SCANS + b"\xff\xd9"
    segment = b"\xff\xe2" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    np.testing.assert_array_equal(
        decode(photograph[:2] + segment + photograph[2:]), decode(photograph)
    )


def test_hundreds_of_thousands_of_segments_are_refused_at_once():
    photograph = encode(SMALL, "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", 4) + b"\xff\xda"
    bomb = photograph[:2] + comment * 300_000 + photograph[2:]
    started = time.monotonic()
    with pytest.raises(tf.errors.InvalidArgumentError, match="scans"):
        decode(bomb)
    assert time.monotonic() - started < 5


def animation():
    frames = [
        Image.fromarray(np.full((2000, 2000), i, np.uint8)) for i in range(60)
    ]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def test_an_animation_costs_what_its_first_frame_costs():
    bomb = animation()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode(bomb).shape == (2000, 2000, 3)
    # 4 MB a frame as indices, 12 MB as RGB.
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60e3  # kB
