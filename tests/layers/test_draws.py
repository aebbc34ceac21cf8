"""Random numbers: TensorFlow's own, in parts, and under XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.draws import (
    Share,
    add_draws,
    drawing_for,
    normal,
    uniform,
)

SEED = np.array([1_000_003, 7], np.int64)
SHAPES = [(7, 3), (1, 3), (40, 51)]


def new_draws():
    layer = keras.layers.Layer()
    return add_draws(layer, seed=5, stream=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_numbers_are_those_of_tensorflow(shape):
    np.testing.assert_array_equal(
        uniform(shape, SEED),
        tf.random.stateless_uniform(shape, SEED, alg="philox"),
    )
    np.testing.assert_allclose(
        normal(shape, SEED),
        tf.random.stateless_normal(shape, SEED, alg="philox"),
        atol=5e-6,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_xla_draws_the_same(shape):
    def compiled(function):
        return tf.function(lambda: function(shape, SEED), jit_compile=True)()

    np.testing.assert_array_equal(compiled(uniform), uniform(shape, SEED))
    np.testing.assert_allclose(compiled(normal), normal(shape, SEED), atol=5e-6)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize(("step", "rows"), [(1, 4), (1, 12), (2, 3), (3, 4)])
def test_parts_together_draw_what_the_whole_draws(kind, step, rows):
    """`step` workers, each with parts of `rows` of a batch of 12 rows."""
    whole = new_draws()
    expected = [getattr(whole, kind)([12, 5]).numpy() for _ in range(2)]
    for worker in range(step):
        draws = new_draws()
        for batch in expected:
            for first in range(worker, 12, rows * step):
                with drawing_for(Share(first, step, total=12)):
                    drawn = getattr(draws, kind)([rows, 5])
                np.testing.assert_array_equal(drawn, batch[first::step][:rows])
            draws.advance()


def test_outside_of_a_share_every_call_draws_anew():
    draws = new_draws()
    with drawing_for(Share(0, 1, 4)):
        first = draws.uniform([4, 3])
        np.testing.assert_array_equal(draws.uniform([4, 3]), first)
    np.testing.assert_array_equal(draws.uniform([4, 3]), first)
    assert not np.isin(draws.uniform([4, 3]), first).any()
