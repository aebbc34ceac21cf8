"""Mean, lighting and form of the input where the towers stand apart."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.input import InputForm, MeanSubtraction, PCALighting
from alexnet_tf.layers.towers import placement, stand_apart

PINS = ("/CPU:1", "/CPU:2")
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (3, 32, 32, 3), np.uint8)
MEAN_IMAGE = RANDOM.uniform(50, 200, (256, 256, 3))


def formed(devices, towers, divisor, dtype):
    """IMAGES after the three layers, twice, in training."""
    with placement(devices):
        mean = MeanSubtraction("image", towers=towers)
        lighting = PCALighting(
            seed=5, std=3.0, divisor=divisor, towers=towers, dtype=dtype
        )
        form = InputForm(2.5, "bgr", towers=towers, dtype=dtype)
    mean.build(IMAGES.shape)
    mean.set_mean(MEAN_IMAGE)
    lighting.build(IMAGES.shape)
    lighting.set_principal_components(np.eye(3), np.array([8e4, 4e4, 2e4]))

    @tf.function
    def call():
        return form(lighting(mean(tf.constant(IMAGES)), training=True))

    return [call() for _ in range(2)]


@pytest.mark.parametrize("divisor", [1.0, 1.1])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_each_tower_has_what_one_device_has(divisor, dtype):
    together = formed((None, None), 1, divisor, dtype)
    apart = formed(PINS, 2, divisor, dtype)
    assert not np.array_equal(together[0], together[1])  # the draws go on
    for of_both, whole in zip(apart, together, strict=True):
        assert len(of_both) == 2
        for of_tower in of_both:
            assert of_tower.dtype == whole.dtype
            np.testing.assert_array_equal(of_tower, whole)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (PINS, True),
        (("/CPU:1", "/CPU:1"), False),
        ((None, None), False),
        (("/CPU:1",), False),
    ],
)
def test_towers_on_one_device_share_their_images(devices, expected):
    with placement(devices):
        assert stand_apart() == expected
    assert not stand_apart()
