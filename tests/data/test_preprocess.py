"""Decoding, and from an image to a record, against numpy and PIL."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.preprocess import decode, to_record


def noise(height, width, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, 3), np.uint8)


def photo_like(height, width):
    """A smooth image: lossy formats keep it, so decoders can be compared."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    channels = [255 * y, 255 * x, 127 + 127 * np.sin(6 * (x - y))]
    return np.stack(channels, axis=-1).astype(np.uint8)


def central_256(image):
    top, left = (side // 2 - 128 for side in image.shape[:2])
    return image[top : top + 256, left : left + 256]


def area_weights(source, target):
    """[target, source]: how much of each output pixel each input covers."""
    edges = np.arange(target + 1) * source / target
    pixels = np.arange(source)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    return np.maximum(high - low, 0) * target / source


def keys_weights(source, target):
    """[target, source]: Keys' cubic, a = -0.5, pixel centres at halves.

    Taps outside the image are left out and the others rescaled to sum to 1.
    """
    centres = (np.arange(target) + 0.5) * source / target - 0.5
    x = np.abs(centres[:, None] - np.arange(source))
    a = -0.5
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    weights = np.select([x <= 1, x < 2], [near, far], 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def resized(image, height, width, weights):
    """float64 [height, width, 3], not rounded."""
    return np.einsum(
        "yh,xw,hwc->yxc",
        weights(image.shape[0], height),
        weights(image.shape[1], width),
        image.astype(np.float64),
        optimize=True,
    )


@pytest.mark.parametrize(
    "size", [(28, 28), (256, 300), (333, 500), (1, 20), (2000, 300)]
)
def test_a_record_is_256x256_bytes(size):
    record = to_record(tf.constant(noise(*size)))
    assert record.shape == (256, 256, 3)
    assert record.dtype == tf.uint8


@pytest.mark.parametrize(
    "size", [(512, 512), (512, 768), (768, 512), (1024, 1536), (768, 768)]
)
def test_whole_factors_are_block_means(size):
    image = noise(*size)
    factor = min(size) // 256
    blocks = image.reshape(
        size[0] // factor, factor, size[1] // factor, factor, 3
    )
    means = np.round(blocks.mean(axis=(1, 3)))
    np.testing.assert_array_equal(
        to_record(tf.constant(image)), central_256(means)
    )


@pytest.mark.parametrize(
    ("size", "new_size"),
    [
        ((375, 500), (256, 341)),  # 341.33
        ((500, 333), (384, 256)),  # 384.38
        ((300, 451), (256, 385)),  # 384.85, rounded up
        ((257, 257), (256, 256)),
    ],
)
def test_shrinking_is_area_averaging(size, new_size):
    image = noise(*size)
    expected = central_256(resized(image, *new_size, area_weights))
    record = to_record(tf.constant(image)).numpy().astype(np.float64)
    # Half a level is rounding. The rest: TF keeps the edges of the area in
    # float32, near 500 good to 3e-5 pixels, times 255 levels.
    assert np.abs(record - expected).max() <= 0.51


@pytest.mark.parametrize("size", [(256, 256), (256, 301), (400, 256)])
def test_a_shorter_side_of_256_is_only_cropped(size):
    image = noise(*size)
    np.testing.assert_array_equal(
        to_record(tf.constant(image)), central_256(image)
    )


@pytest.mark.parametrize(
    ("size", "new_size"),
    [
        ((28, 28), (256, 256)),
        ((255, 255), (256, 256)),
        ((100, 133), (256, 340)),  # 340.48
        ((101, 80), (323, 256)),  # 323.2
        ((30, 77), (256, 657)),  # 657.07
    ],
)
def test_growing_is_bicubic(size, new_size):
    image = noise(*size)
    expected = central_256(resized(image, *new_size, keys_weights))
    expected = np.round(np.clip(expected, 0, 255))
    record = to_record(tf.constant(image)).numpy().astype(np.float64)
    assert np.abs(record - expected).max() <= 1


def test_pillow_has_the_same_bicubic():
    # Little contrast: Pillow clips to 0..255 between its two passes.
    image = 64 + noise(100, 133) // 2
    pillow = Image.fromarray(image).resize((340, 256), Image.BICUBIC)
    record = to_record(tf.constant(image)).numpy().astype(int)
    assert np.abs(record - central_256(np.asarray(pillow))).max() <= 1


@pytest.mark.parametrize(
    ("size", "accepted"),
    [
        ((10, 200), True),
        ((200, 10), True),
        ((10, 201), False),
        ((201, 10), False),
        ((1, 3000), False),
    ],
)
def test_a_side_over_20_times_the_other_is_refused(size, accepted):
    image = tf.constant(noise(*size))
    if accepted:
        to_record(image)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="over 20"):
            to_record(image)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def cmyk_image():
    """All four inks vary; Pillow's own RGB -> CMYK leaves K at zero."""
    inks = photo_like(64, 80)
    black = np.broadcast_to(np.arange(0, 160, 2, np.uint8), (64, 80))
    return Image.fromarray(np.dstack([inks, black]), "CMYK")


def rgb():
    return Image.fromarray(photo_like(64, 80))


def rgba():
    alpha = np.broadcast_to(np.arange(80, dtype=np.uint8), (64, 80))
    return Image.fromarray(np.dstack([photo_like(64, 80), alpha]))


LOSSLESS = {
    "png": encoded(rgb(), "PNG"),
    "grey png": encoded(rgb().convert("L"), "PNG"),
    "one-bit png": encoded(rgb().convert("1"), "PNG"),
    "palette png": encoded(rgb().quantize(16), "PNG"),
    "rgba png": encoded(rgba(), "PNG"),
    "grey alpha png": encoded(rgb().convert("LA"), "PNG"),
    "gif": encoded(rgb(), "GIF"),
    "bmp": encoded(rgb(), "BMP"),
    "webp": encoded(rgb(), "WEBP", lossless=True),
}
JPEG = {
    "rgb": encoded(rgb(), "JPEG", quality=95),
    "progressive": encoded(rgb(), "JPEG", quality=95, progressive=True),
    "grey": encoded(rgb().convert("L"), "JPEG", quality=95),
    "cmyk": encoded(cmyk_image(), "JPEG", quality=95),
}


def difference_from_pillow(content):
    image = decode(tf.constant(content))
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert image.dtype == tf.uint8
    assert image.shape == expected.shape == (64, 80, 3)
    return np.abs(image.numpy().astype(int) - expected)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_decode_as_with_pillow(kind):
    assert difference_from_pillow(LOSSLESS[kind]).max() == 0


@pytest.mark.parametrize("kind", JPEG)
def test_jpeg_decodes_as_with_pillow(kind):
    # TF takes libjpeg's fast inverse DCT, Pillow the accurate one.
    difference = difference_from_pillow(JPEG[kind])
    assert difference.max() <= 6
    assert difference.mean() <= 1.25


def test_16_bit_png_keeps_the_high_byte():
    values = np.random.default_rng(0).integers(0, 2**16, (64, 80), np.uint16)
    content = encoded(Image.fromarray(values), "PNG")
    image = decode(tf.constant(content)).numpy()
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel], values >> 8)


def test_the_first_frame_of_a_gif_is_taken():
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    image = decode(tf.constant(content))
    np.testing.assert_array_equal(image, np.full((6, 8, 3), [255, 0, 0]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
def test_truncated_and_empty_files_raise(kind, share):
    content = encoded(rgb(), kind)
    content = content[: int(share * len(content))]
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(tf.constant(content))


@pytest.mark.parametrize("content", [b"not an image", b"\xff" * 1000])
def test_other_files_raise(content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(tf.constant(content))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_files_have_pillows_pixels(quality, subsampling, progressive):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (25, 37, 3), np.uint8)
    picture = Image.fromarray(pixels).resize(
        (203, 151), Image.Resampling.BICUBIC
    )
    file = io.BytesIO()
    picture.save(
        file,
        "JPEG",
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
    )
    wanted = np.array(Image.open(file).convert("RGB"))
    np.testing.assert_array_equal(decode(file.getvalue()), wanted)
