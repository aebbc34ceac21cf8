"""Mean subtraction against numpy."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.input import MeanSubtraction

RANDOM = np.random.default_rng(0)
MEAN_IMAGE = RANDOM.uniform(50, 200, (256, 256, 3))


def random_images(crop):
    return RANDOM.integers(0, 256, (2, crop, crop, 3), np.uint8)


def built(kind, crop, **kwargs):
    layer = MeanSubtraction(kind, **kwargs)
    layer.build((None, crop, crop, 3))
    return layer


@pytest.mark.parametrize(("crop", "first"), [(224, 16), (227, 14), (256, 0)])
def test_image_subtracts_the_centre_of_the_mean_image(crop, first):
    layer = built("image", crop)
    layer.set_mean(MEAN_IMAGE)
    images = random_images(crop)
    pixels = slice(first, first + crop)
    # Only this: nothing is divided by 255 or by a standard deviation.
    expected = images.astype(np.float64) - MEAN_IMAGE[pixels, pixels]
    np.testing.assert_allclose(layer(images), expected, rtol=0, atol=2e-5)


def test_rgb_subtracts_one_number_per_colour():
    layer = built("rgb", 224)
    layer.set_mean(MEAN_IMAGE)
    images = random_images(224)
    expected = images.astype(np.float64) - MEAN_IMAGE.reshape(-1, 3).mean(0)
    np.testing.assert_allclose(layer(images), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", ["image", "rgb"])
def test_before_the_mean_is_set_images_pass_unchanged(kind):
    images = random_images(32)
    output = built(kind, 32)(images)
    assert output.dtype == tf.float32
    np.testing.assert_array_equal(output, images)


@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
def test_dtype_of_the_images_does_not_matter(dtype):
    layer = built("rgb", 32)
    layer.set_mean(MEAN_IMAGE)
    images = random_images(32)
    np.testing.assert_array_equal(
        layer(tf.cast(images, dtype)), layer(tf.constant(images))
    )


def test_mixed_precision_subtracts_before_it_rounds():
    layer = built("rgb", 32, dtype="mixed_bfloat16")
    layer.set_mean(np.full((256, 256, 3), 100.3))
    # In bfloat16 the mean would be 100.5 and the difference 0.5.
    output = layer(np.full((1, 32, 32, 3), 101, np.uint8))
    assert output.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(output, tf.float32), 0.7, rtol=2**-8)


def test_the_mean_is_no_trainable_weight():
    layer = built("image", 32)
    assert not layer.trainable_variables
    assert [tuple(w.shape) for w in layer.weights] == [(32, 32, 3)]


def test_a_given_mean_is_subtracted_whatever_the_images_are():
    layer = built("given", 32, values=(122.5, 116.25, 104.0))
    layer.set_mean(MEAN_IMAGE)
    images = random_images(32)
    expected = images - np.array([122.5, 116.25, 104.0])
    np.testing.assert_array_equal(layer(images), expected)
    copy = MeanSubtraction.from_config(layer.get_config())
    np.testing.assert_array_equal(copy(images), expected)


def test_a_given_mean_has_three_values():
    with pytest.raises(ValueError, match="3 values, not 1"):
        MeanSubtraction("given", (120.0,))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="image, rgb or given, not pixel"):
        MeanSubtraction("pixel")
