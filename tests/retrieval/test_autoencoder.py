"""The auto-encoder and its codes."""

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.retrieval.autoencoder import (
    NoisyBits,
    encode,
    mean_and_deviation,
    train_autoencoder,
)
from configs import paper


@pytest.fixture(scope="module")
def clusters():
    """400 vectors in 8 clusters, far from 0, of unequal dimensions."""
    random = np.random.default_rng(0)
    scales = np.linspace(0.1, 3, 32)
    centres = random.normal(size=(8, 32)) * scales
    noise = 0.2 * random.normal(size=(8, 50, 32)) * scales
    return (20 + centres[:, None] + noise).reshape(400, 32).astype(np.float32)


def settings(**changes):
    values = paper.get_config().retrieval
    values.update(hidden=64, steps=300, batch_size=64, **changes)
    return values


@pytest.fixture(scope="module")
def trained(clusters):
    return train_autoencoder(clusters, 16, settings())


def test_codes_tell_clusters_apart(clusters, trained):
    codes = encode(trained.encoder, clusters)
    assert codes.shape == (400, 2)
    assert codes.dtype == np.uint8
    distances = np.unpackbits(codes[:, None] ^ codes[None], axis=2).sum(axis=2)
    same = np.kron(np.eye(8, dtype=bool), np.ones((50, 50), bool))
    assert distances[same].mean() < 1
    assert distances[~same].mean() > 4


def test_reconstructions_from_the_bits_are_near(clusters, trained):
    again = trained.network(clusters, training=False).numpy()
    error = np.mean((again - clusters) ** 2)
    variance = np.mean((clusters - clusters.mean(axis=0)) ** 2)
    assert error < 0.2 * variance


@pytest.mark.slow
def test_training_is_a_function_of_vectors_and_seed(clusters, trained):
    again = train_autoencoder(clusters, 16, settings())
    other = train_autoencoder(clusters, 16, settings(seed=1))
    for a, b in zip(
        trained.encoder.get_weights(), again.encoder.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert np.any(
        encode(other.encoder, clusters) != encode(trained.encoder, clusters)
    )


def test_eight_bits_are_a_byte_the_first_the_highest(clusters, trained):
    bits = trained.encoder(clusters).numpy()
    assert set(np.unique(bits)) == {0, 1}
    values = bits.reshape(400, 2, 8) @ (2 ** np.arange(7, -1, -1))
    np.testing.assert_array_equal(encode(trained.encoder, clusters), values)


def test_mean_and_deviation(clusters):
    wide = clusters.astype(np.float64)
    for dtype in (np.float32, np.float16):
        mean, deviation = mean_and_deviation(clusters.astype(dtype))
        np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=2e-4)
        expected = np.sqrt(wide.var(axis=0).mean())
        assert deviation == pytest.approx(expected, rel=2e-4)


def test_equal_vectors_are_refused():
    with pytest.raises(UserError, match="are equal"):
        train_autoencoder(np.ones((20, 32), np.float32), 16, settings())


def test_noise_is_drawn_anew_in_training_only():
    layer = NoisyBits(noise=4.0, seed=0)
    x = np.full((2000, 2), 1.0, np.float32)
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert np.any(first != second)
    # The share above a half is the normal distribution's at 1 / 4.
    assert np.mean(first > 0.5) == pytest.approx(0.5987, abs=0.03)
    np.testing.assert_array_equal(layer(x, training=False), np.ones((2000, 2)))
