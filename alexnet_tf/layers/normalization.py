"""Response normalization: across maps (LRN) and inside each map."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.layers.gradients import gradient_scope
from alexnet_tf.layers.towers import TowerLayer, run_on

TF32_BITS = 0xFFFFE000  # of a float32: sign, exponent, 10 bits


def local_response_normalization(
    a: tf.Tensor,
    n: int = 5,
    k: float = 2.0,
    alpha: float = 1e-4,
    beta: float = 0.75,
    compiled: bool = False,
    in_parts: bool = False,
) -> tf.Tensor:
    """b[i] = a[i] / (k + alpha * sum_j a[j]^2)^beta, j within n//2 of i.

    The gradient is written out: with g = db / s^beta, where s are the sums in
    parentheses, it is g[i] - 2 alpha beta a[i] sum_j g[j] a[j] / s[j]. On a CPU
    it takes a fraction of the time of TensorFlow's, a scalar loop
    (`benchmarks/lrn.py`). Computed in float32 whatever the input is: squares
    overflow float16 from 256 on.

    Args:
        a: activations, [..., C], any float dtype.
        n: number of maps in a window, odd; windows end at the first and last.
        k, alpha, beta: constants. alpha is not divided by n.
        compiled: whether XLA makes a loop or two of each pass, in about half
            the time on a CPU. The gradient then computes the sums again,
            where it otherwise reads them.
        in_parts: whether products are made of parts that TF32 holds, see
            `product_in_parts`. Compiled passes have no products.

    Returns:
        A tensor like `a`.
    """
    constants = {"n": n, "k": k, "alpha": alpha, "beta": beta}
    window_sum = product_in_parts if in_parts else product_with_band
    formula = _Formula(**constants, window_sum=window_sum)
    programs = _programs(**constants) if compiled else None

    @tf.custom_gradient
    def normalize(a: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        named = gradient_scope()
        s = None if programs else formula.sums(a)

        def gradient(db: tf.Tensor) -> tf.Tensor:
            with named():
                if programs:
                    return programs[1](a, db)
                # Without the dependency TensorFlow would find that it has
                # computed powers of the same sums before, and keep those in
                # memory, too.
                with tf.control_dependencies([db]):
                    return formula.gradient(a, s, db)

        b = programs[0](a) if programs else formula.normalized(a, s)
        return b, gradient

    return normalize(a)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Formula:
    """The sums s, b and da, for one set of constants.

    Attributes:
        n, k, alpha, beta: see `local_response_normalization`.
        window_sum: `product_with_band`, or another function like it.
    """

    n: int
    k: float
    alpha: float
    beta: float
    window_sum: Callable[[tf.Tensor, int, float], tf.Tensor]

    def sums(self, a: tf.Tensor) -> tf.Tensor:
        squares = tf.square(tf.cast(a, tf.float32))
        return self.k + self.window_sum(squares, self.n, self.alpha)

    def normalized(self, a: tf.Tensor, s: tf.Tensor) -> tf.Tensor:
        b = tf.cast(a, tf.float32) * to_minus_beta(s, self.beta)
        return tf.cast(b, a.dtype)

    def gradient(self, a: tf.Tensor, s: tf.Tensor, db: tf.Tensor) -> tf.Tensor:
        x = tf.cast(a, tf.float32)
        g = tf.cast(db, tf.float32) * to_minus_beta(s, self.beta)
        factor = -2 * self.alpha * self.beta
        da = g + x * self.window_sum(g * x / s, self.n, factor)
        return tf.cast(da, a.dtype)


@functools.cache
def _programs(**constants: Any) -> tuple[Any, Any]:
    """The functions of (a) and (a, db), compiled by XLA.

    The second computes the sums again: to keep them takes memory.
    """
    formula = _Formula(**constants, window_sum=sum_of_shifted)
    forward = tf.function(
        lambda a: formula.normalized(a, formula.sums(a)), jit_compile=True
    )
    backward = tf.function(
        lambda a, db: formula.gradient(a, formula.sums(a), db),
        jit_compile=True,
    )
    return forward, backward


def product_with_band(x: tf.Tensor, n: int, factor: float) -> tf.Tensor:
    """factor times the sums over n neighbouring maps, as a matrix product."""
    channels = x.shape[-1]
    rows = tf.matmul(tf.reshape(x, [-1, channels]), band(channels, n, factor))
    return tf.reshape(rows, tf.shape(x))


def product_in_parts(x: tf.Tensor, n: int, factor: float) -> tf.Tensor:
    """The same, in float32 on GPUs that round a product's factors to TF32.

    TF32 keeps 10 bits behind the point, which would make s wrong by up to
    2^-11 of its sum, and alpha by as much. TensorFlow turns it off for all
    layers of a process or for none. Here x is a sum of its leading bits, which
    TF32 holds, and of the rest, of which it loses 2^-21 of x at most; the band
    holds ones; products are added up in float32.
    """
    channels = x.shape[-1]
    rows = tf.reshape(x, [-1, channels])
    leading = tf.bitcast(
        tf.bitcast(rows, tf.uint32) & tf.constant(TF32_BITS, tf.uint32),
        tf.float32,
    )
    ones = band(channels, n, 1.0)
    sums = tf.matmul(leading, ones) + tf.matmul(rows - leading, ones)
    return tf.reshape(factor * sums, tf.shape(x))


def band(channels: int, n: int, factor: float) -> tf.Tensor:
    """[channels, channels], `factor` within n // 2 of the diagonal, else 0."""
    index = tf.range(channels)
    distance = tf.abs(index[:, None] - index[None, :])
    return tf.where(distance <= n // 2, tf.constant(factor, tf.float32), 0.0)


def sum_of_shifted(x: tf.Tensor, n: int, factor: float) -> tf.Tensor:
    """The same as n shifted copies, of which XLA makes one loop."""
    channels, margin = x.shape[-1], n // 2
    others = [(0, 0)] * (len(x.shape) - 1)
    padded = tf.pad(x, [*others, (margin, margin)])
    return factor * tf.add_n(
        [padded[..., first : first + channels] for first in range(n)]
    )


def to_minus_beta(s: tf.Tensor, beta: float) -> tf.Tensor:
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
        self,
        *,
        n: int = 5,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        scope: str = "tower",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if scope not in ("tower", "layer"):
            raise ValueError(f"scope must be tower or layer, not {scope}")
        self.n = n
        self.k = k
        self.alpha = alpha
        self.beta = beta
        self.scope = scope

    def call(
        self, inputs: list[tf.Tensor], training: bool | None = False
    ) -> list[tf.Tensor]:
        normalize = functools.partial(
            local_response_normalization,
            n=self.n,
            k=self.k,
            alpha=self.alpha,
            beta=self.beta,
            compiled=bool(training and self.compiled_in_training),
            in_parts=self.products_may_be_rounded,
        )
        if self.scope == "tower":
            return self.on_each_tower(normalize, inputs)
        joined = run_on(
            self.device(0),
            lambda *towers: normalize(tf.concat(towers, axis=-1)),
            *inputs,
        )
        with tf.device(self.device(0)):
            return tf.split(joined, self.towers, axis=-1)

    @property
    def compiled_in_training(self) -> bool:
        """Whether XLA compiles it: on a CPU, where no tower is pinned.

        On GPUs XLA needs parts of CUDA that not every installation has, and a
        server of models need not have XLA at all.
        """
        return self.unpinned and not tf.config.list_logical_devices("GPU")

    @property
    def products_may_be_rounded(self) -> bool:
        """Whether it is on a GPU and TensorFlow has not been told off TF32."""
        if not tf.config.experimental.tensor_float_32_execution_enabled():
            return False
        device = self.device(0)
        if device is None:
            return bool(tf.config.list_logical_devices("GPU"))
        return "GPU" in device

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "n": self.n,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
            "scope": self.scope,
        }


def same_map_normalization(
    a: tf.Tensor,
    size: int = 5,
    k: float = 1.0,
    alpha: float = 4e-5,
    beta: float = 0.75,
) -> tf.Tensor:
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
    # Zeros are padded beforehand: the means of a padded pool leave them out.
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

    def __init__(
        self,
        size: int = 5,
        k: float = 1.0,
        alpha: float = 4e-5,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        return self.on_each_tower(
            lambda maps: same_map_normalization(
                maps, self.size, self.k, self.alpha, self.beta
            ),
            inputs,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
        }
