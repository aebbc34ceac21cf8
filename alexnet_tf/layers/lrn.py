"""Local response normalization (Krizhevsky et al. 2012, section 3.3)."""

import keras
import tensorflow as tf

from alexnet_tf.layers.towers import TowerLayer, run_on


def local_response_normalization(a, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """b[i] = a[i] / (k + alpha * sum_j a[j]^2)^beta, j within n//2 of i.

    The sum over neighbouring maps is a product with a band matrix, and the
    gradient is written out: on a CPU about three times faster than
    `tf.nn.local_response_normalization`, whose gradient kernel is a scalar
    loop (`benchmarks/lrn.py`). Computed in float32 whatever the input is:
    squares overflow float16 from 256 on. Only the sums are kept for the
    gradient, which computes their powers again: as fast as reading them, and
    two tensors of the layer's size fewer in memory.

    Args:
        a: activations, [..., C], any float dtype.
        n: number of maps in a window, odd; windows end at the first and last.
        k, alpha, beta: constants. alpha is not divided by n.

    Returns:
        A tensor like `a`.
    """
    channels = a.shape[-1]
    index = tf.range(channels)
    distance = tf.abs(index[:, None] - index[None, :])
    band = tf.cast(distance <= n // 2, tf.float32)

    def window_sum(x):
        rows = tf.matmul(tf.reshape(x, [-1, channels]), band)
        return tf.reshape(rows, tf.shape(x))

    @tf.custom_gradient
    def normalize(a):
        def scaled(s):
            x, scale = tf.cast(a, tf.float32), to_minus_beta(s, beta)
            return x, scale, x * scale

        s = k + alpha * window_sum(tf.square(tf.cast(a, tf.float32)))
        normalized = scaled(s)[2]

        def gradient(upstream):
            # Without the dependency TensorFlow would find that it has computed
            # the same before, and keep that.
            with tf.control_dependencies([upstream]):
                x, scale, b = scaled(s)
            db = tf.cast(upstream, tf.float32)
            # da[i] = db[i] s[i]^-beta
            #         - 2 alpha beta a[i] sum_j db[j] b[j] / s[j]
            da = db * scale - (2 * alpha * beta) * x * window_sum(db * b / s)
            return tf.cast(da, a.dtype)

        return tf.cast(normalized, a.dtype), gradient

    return normalize(a)


def to_minus_beta(s, beta):
    """s^-beta, quicker where beta is the paper's."""
    if beta == 0.75:
        root = tf.math.rsqrt(s)
        return root * tf.sqrt(root)
    return s**-beta


@keras.saving.register_keras_serializable("alexnet_tf")
class TowerLRN(TowerLayer):
    """Local response normalization over the maps of a tower or of the layer.

    Args:
        n, k, alpha, beta: see `local_response_normalization`.
        scope: "tower": N counts a tower's own maps, so nothing crosses (the
            2012 code). "layer": the towers are joined, normalized together
            and split again (Caffe's one-device network).
        **kwargs: see `TowerLayer`.

    Input, output: a list with one [B, H, W, C] tensor per tower.
    """

    def __init__(
        self, n=5, k=2.0, alpha=1e-4, beta=0.75, scope="tower", **kwargs
    ):
        super().__init__(**kwargs)
        if scope not in ("tower", "layer"):
            raise ValueError(f"scope must be tower or layer, not {scope}")
        self.n = n
        self.k = k
        self.alpha = alpha
        self.beta = beta
        self.scope = scope

    def call(self, inputs):
        if self.scope == "tower":
            return self.on_each_tower(self._normalize, inputs)
        joined = run_on(self.device(0), self._normalize_joined, *inputs)
        with tf.device(self.device(0)):
            return tf.split(joined, self.towers, axis=-1)

    def _normalize(self, maps):
        return local_response_normalization(
            maps, self.n, self.k, self.alpha, self.beta
        )

    def _normalize_joined(self, *towers):
        return self._normalize(tf.concat(towers, axis=-1))

    def get_config(self):
        return {
            **super().get_config(),
            "n": self.n,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
            "scope": self.scope,
        }
