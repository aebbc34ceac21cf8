"""Divisor and order of colours against numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.input import InputForm

PIXELS = np.random.default_rng(0).uniform(-120, 130, (2, 4, 5, 3))
PIXELS = PIXELS.astype(np.float32)


@pytest.mark.parametrize("divisor", [1.0, 1.1])
@pytest.mark.parametrize(
    ("order", "colours"), [("rgb", [0, 1, 2]), ("bgr", [2, 1, 0])]
)
def test_divides_and_orders(divisor, order, colours):
    layer = InputForm(divisor, order)
    expected = PIXELS.astype(np.float64)[..., colours] / divisor
    for form in (layer, InputForm.from_config(layer.get_config())):
        np.testing.assert_allclose(form(PIXELS), expected, rtol=2e-7)


def test_divides_before_it_rounds():
    output = InputForm(1.1, dtype="mixed_bfloat16")(PIXELS)
    assert output.dtype == tf.bfloat16
    expected = tf.cast(PIXELS / np.float32(1.1), tf.bfloat16)
    np.testing.assert_array_equal(output, expected)


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="rgb or bgr, not gbr"):
        InputForm(channel_order="gbr")


def test_a_saved_network_keeps_it(tmp_path):
    image = keras.Input((4, 5, 3))
    network = keras.Model(image, InputForm(1.1, "bgr")(image))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(PIXELS), network(PIXELS))
