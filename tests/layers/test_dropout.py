"""Dropout inside the towers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.towers import placement

SHAPE = (400, 250)
COUNT = SHAPE[0] * SHAPE[1]


def towers(shape=SHAPE):
    """Activations without zeros, other ones in each tower."""
    random = np.random.default_rng(0)
    return [random.uniform(1, 2, shape).astype(np.float32) for _ in "01"]


def masks(layer, shape=SHAPE):
    outputs = layer([tf.ones(shape)] * 2, training=True)
    return [output.numpy() > 0 for output in outputs]


KINDS = pytest.mark.parametrize("kind", ["paper", "inverted"])


@KINDS
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_rate_and_scale(rate, kind):
    layer = TowerDropout(rate, kind=kind)
    inputs = towers()
    for x, y in zip(inputs, layer(inputs, training=True), strict=True):
        y = y.numpy()
        dropped = y == 0
        error = np.sqrt(rate * (1 - rate) / COUNT)
        assert abs(dropped.mean() - rate) < 5 * error
        if kind == "paper":
            np.testing.assert_array_equal(y[~dropped], x[~dropped])
            continue
        # What remains grows, so that the mean stays.
        kept = x.astype(np.float64)[~dropped] / (1 - rate)
        np.testing.assert_allclose(y[~dropped], kept, rtol=1e-6)
        spread = np.sqrt((x**2).mean() * rate / (1 - rate) / COUNT)
        assert abs(y.mean() - x.mean()) < 5 * spread


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("rate", [0.2, 0.5])
@pytest.mark.parametrize("devices", [(None, None), ("/CPU:1", "/CPU:2")])
def test_the_paper_scales_at_test_time(devices, rate, dtype):
    with placement(devices):
        layer = TowerDropout(rate, kind="paper", dtype=dtype)
    inputs = [tf.cast(x, layer.compute_dtype) for x in towers((20, 30))]
    rounding = {"float32": 1e-6, "bfloat16": 2**-8}[layer.compute_dtype]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    gradients = tape.gradient(outputs, inputs)
    for x, y, gradient in zip(inputs, outputs, gradients, strict=True):
        x, y, gradient = (tf.cast(t, tf.float64) for t in (x, y, gradient))
        np.testing.assert_allclose(y, x * (1 - rate), rtol=rounding)
        np.testing.assert_allclose(gradient, 1 - rate, rtol=rounding)


def test_both_kinds_have_the_same_masks():
    for ours, theirs in zip(
        masks(TowerDropout(0.5, seed=3, kind="paper")),
        masks(TowerDropout(0.5, seed=3, kind="inverted")),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_every_neuron_of_every_image_is_drawn_by_itself():
    for mask in masks(TowerDropout(0.5)):
        for axis in (0, 1):
            error = np.sqrt(0.25 / SHAPE[axis])
            assert np.abs(mask.mean(axis) - 0.5).max() < 6 * error
            assert mask.mean(axis).std() < 1.3 * error
            assert np.unique(mask, axis=axis).shape == SHAPE


def agreement(mask, other):
    return (mask == other).mean()


def test_towers_calls_and_seeds_draw_different_masks():
    layer = TowerDropout(0.5)
    drawn = [*masks(layer), *masks(layer), *masks(TowerDropout(0.5, seed=1))]
    for i, mask in enumerate(drawn):
        for other in drawn[:i]:
            # Independent masks agree in half of the places.
            assert abs(agreement(mask, other) - 0.5) < 5 * 0.5 / COUNT**0.5


@pytest.mark.parametrize("training", [False, None])
def test_none_at_inference(training):
    arguments = {} if training is None else {"training": training}
    inputs = towers((3, 4))
    for x, y in zip(inputs, TowerDropout()(inputs, **arguments), strict=True):
        np.testing.assert_array_equal(x, y)


@KINDS
@pytest.mark.parametrize("training", [True, False])
def test_rate_zero_passes_everything(training, kind):
    inputs = towers((3, 4))
    outputs = TowerDropout(0.0, kind=kind)(inputs, training=training)
    for x, y in zip(inputs, outputs, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(ValueError, match="dropout rate is in"):
        TowerDropout(rate)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="paper or inverted, not x"):
        TowerDropout(kind="x")


PINS = [("/CPU:1", "/CPU:2"), ("/CPU:1", "/CPU:1")]


@pytest.mark.parametrize("devices", PINS)
def test_masks_do_not_depend_on_the_devices(devices):
    unpinned = TowerDropout(0.5, seed=7)
    with placement(devices):
        pinned = TowerDropout(0.5, seed=7)
    for _ in range(3):
        for ours, theirs in zip(masks(pinned), masks(unpinned), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@KINDS
@pytest.mark.parametrize("devices", [(None, None), *PINS])
def test_the_gradient_has_the_mask_of_the_output(devices, kind):
    with placement(devices):
        layer = TowerDropout(0.5, kind=kind)
    factor = {"paper": 1.0, "inverted": 2.0}[kind]
    inputs = [tf.constant(x) for x in towers((20, 30))]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True)
    for gradient, output in zip(
        tape.gradient(outputs, inputs), outputs, strict=True
    ):
        np.testing.assert_array_equal(gradient, np.where(output > 0, factor, 0))


def test_weight_files_continue_the_masks(tmp_path):
    def model():
        inputs = [keras.Input((30,)), keras.Input((30,))]
        return keras.Model(inputs, TowerDropout(0.5, seed=3)(inputs))

    saved, loaded = model(), model()
    masks(saved, (4, 30)), masks(saved, (4, 30))
    file = tmp_path / "dropout.weights.h5"
    saved.save_weights(file)
    loaded.load_weights(file)
    for _ in range(2):
        expected = masks(saved, (4, 30))
        assert not np.array_equal(*expected)
        np.testing.assert_array_equal(masks(loaded, (4, 30)), expected)


def test_inference_takes_no_draw():
    layer, undisturbed = TowerDropout(0.5), TowerDropout(0.5)
    layer(towers(), training=False)
    np.testing.assert_array_equal(masks(layer), masks(undisturbed))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_lower_precision_changes_neither_masks_nor_the_mean(dtype):
    low = TowerDropout(0.2, seed=3, dtype=dtype)
    full = TowerDropout(0.2, seed=3)
    kind = dtype.removeprefix("mixed_")
    inputs = [tf.cast(x, kind) for x in towers()]
    outputs = low(inputs, training=True)
    for x, y, mask in zip(inputs, outputs, masks(full), strict=True):
        assert y.dtype == kind
        np.testing.assert_array_equal(y > 0, mask)
        # Rounding goes both ways; division by bfloat16(0.8) = 0.801 does not.
        factors = (tf.cast(y, tf.float32) / tf.cast(x, tf.float32))[mask]
        assert np.mean(factors) == pytest.approx(1.25, abs=1e-4)
