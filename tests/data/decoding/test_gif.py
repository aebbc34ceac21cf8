"""The first frame of a GIF, against Pillow."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.decoding.gif import first_gif_frame
from alexnet_tf.data.preprocess import decode


def animation(count, size=(40, 60), **options):
    random = np.random.default_rng(0)
    frames = [
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).quantize(
            64
        )
        for _ in range(count)
    ]
    file = io.BytesIO()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], **options
    )
    return file.getvalue()


def first_frame(data):
    return np.array(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (1, {}),
        (5, {}),
        (5, {"duration": 100, "loop": 0, "comment": b"x" * 600}),
        (3, {"interlace": True}),
        (3, {"disposal": 2}),
    ],
)
def test_the_first_frame_is_pillows(count, options):
    data = animation(count, **options)
    np.testing.assert_array_equal(decode(data).numpy(), first_frame(data))


def test_transparent_pixels_are_tensorflows():
    data = animation(3, transparency=3)
    wanted = tf.io.decode_image(data, 3, expand_animations=False)
    np.testing.assert_array_equal(decode(data), wanted)


def test_the_rest_is_cut_off():
    data = animation(5)
    frame, pixels = first_gif_frame(tf.constant(data))
    assert pixels.numpy() == 40 * 60
    assert len(frame.numpy()) < len(data) / 4
    with Image.open(io.BytesIO(frame.numpy())) as image:
        assert image.n_frames == 1


@pytest.mark.parametrize("length", [0, 6, 13, 20, 400, 800])
def test_a_cut_file_is_refused_without_a_crash(length):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(animation(1)[:length])
