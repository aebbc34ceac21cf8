"""Response normalization inside each map, of the 2012 code."""

import keras
import tensorflow as tf

from alexnet_tf.layers.lrn import to_minus_beta
from alexnet_tf.layers.towers import TowerLayer


def same_map_normalization(a, size=5, k=1.0, alpha=4e-5, beta=0.75):
    """b = a / (k + alpha * sum of a^2 over a window of the same map)^beta.

    Computed in float32 whatever the input is, as LRN is.

    Args:
        a: activations, [B, H, W, C], any float dtype.
        size: side of the window, odd; windows end at the edges of a map.
        k, alpha, beta: constants. alpha is not divided by size^2.

    Returns:
        A tensor like `a`.
    """
    x = tf.cast(a, tf.float32)
    edge = (size // 2, size // 2)
    # Padded beforehand: the means of a padded pool leave the zeros out.
    squares = tf.pad(tf.square(x), [(0, 0), edge, edge, (0, 0)])
    means = tf.nn.avg_pool2d(squares, size, 1, "VALID")
    s = k + (alpha * size**2) * means
    return tf.cast(x * to_minus_beta(s, beta), a.dtype)


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerSameMapNorm(TowerLayer):
    """`same_map_normalization` inside each tower.

    Args:
        size, k, alpha, beta: see there.
        **kwargs: see `TowerLayer`.

    Input, output: a list with one [B, H, W, C] tensor per tower.
    """

    def __init__(self, size=5, k=1.0, alpha=4e-5, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs):
        return self.on_each_tower(
            lambda maps: same_map_normalization(
                maps, self.size, self.k, self.alpha, self.beta
            ),
            inputs,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
        }
