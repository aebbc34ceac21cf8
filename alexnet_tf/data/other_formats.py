"""What to do with files that are no JPEG, PNG, GIF, BMP or WebP image."""

import re

_JPEG_FIRST = "save it as JPEG first, for example with `magick FILE FILE.jpg`"
_PNG_FIRST = "save it as PNG first, for example with `magick FILE FILE.png`"
_KINDS = (
    (rb".{4}ftyp(?:hei|hev|mif1|msf1)", "a HEIC photograph", _JPEG_FIRST),
    (rb".{4}ftypavi", "an AVIF image", _JPEG_FIRST),
    (
        rb".{4}ftyp",
        "a video",
        "save a frame of it, for example with `ffmpeg -i FILE -vframes 1 "
        "FILE.png`",
    ),
    (
        rb"II[*+]\x00|MM\x00[*+]",
        "a TIFF image or a camera's raw file",
        _PNG_FIRST,
    ),
    (rb"\xff\x0a|\x00{3}\x0cJXL ", "a JPEG XL image", _JPEG_FIRST),
    (rb"\x00{3}\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image", _JPEG_FIRST),
    (rb"8BPS", "a Photoshop file", _PNG_FIRST),
    (rb"\x00\x00\x01\x00", "an icon", _PNG_FIRST),
    (
        rb"\s*%PDF",
        "a PDF document",
        "save its pages as images first, for example with `pdftoppm -png "
        "FILE PAGE`",
    ),
    (
        rb"(?i:\s*<(?:!doctype html|html))",
        "a web page",
        "download the image that it shows",
    ),
    (rb"\s*<(?:svg|\?xml.*<svg)", "an SVG drawing", _PNG_FIRST),
    (rb"PK\x03\x04", "a zip archive", "unpack it and give the images"),
    (rb"version https://git-lfs", "a Git LFS pointer", "run `git lfs pull`"),
)
LOOKED_AT = 1024  # bytes
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:(?://|image/)", re.IGNORECASE)


def other_format(content: bytes) -> str | None:
    """What a file that cannot be decoded is, and what to do about it.

    Args:
        content: the encoded image, or its first kilobyte.

    Returns:
        A clause for after the file's name; None where it is of no kind that
        is known here.
    """
    begin = content[:LOOKED_AT].removeprefix(b"\xef\xbb\xbf")
    for pattern, kind, remedy in _KINDS:
        if re.match(pattern, begin, re.DOTALL):
            return f"{kind}, which is not read here: {remedy}"
    return None


def is_address(file: str) -> bool:
    """Whether it is no path but an address on the net."""
    return _ADDRESS.match(file) is not None


ADDRESS = "an address, not a file: download the image, then give its path"
