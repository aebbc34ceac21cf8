"""fc7 vectors."""

import numpy as np
import pytest

from alexnet_tf.network import build_network
from alexnet_tf.retrieval.fc7 import Fc7


@pytest.mark.parametrize("towers", [1, 2])
def test_fc8_makes_the_logits_of_the_centre_crop_from_them(small_model, towers):
    small_model.towers = towers
    small_model.weight_std = {name: 0.05 for name in small_model.weight_std}
    network = build_network(small_model, seed=3)
    random = np.random.default_rng(0)
    records = random.integers(0, 256, (3, 256, 256, 3), np.uint8)
    fc7 = Fc7(network, 224)
    vectors = fc7(records)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, fc7.dimensions) == (3, 256)
    assert vectors.min() == 0  # after the ReLU
    assert vectors.max() > 0
    np.testing.assert_array_equal(fc7(list(records)), vectors)
    fc8 = network.get_layer("fc8")
    kernel, bias = (
        np.asarray(w, np.float64)
        for w in sorted(fc8.get_weights(), key=np.ndim, reverse=True)
    )
    logits = network(records[:, 16:240, 16:240], training=False)
    # The dropout of the paper halves its input at test time.
    kept = 1 - small_model.dropout
    np.testing.assert_allclose(
        kept * vectors @ kernel + bias, logits, rtol=1e-4
    )
