"""A locally connected layer: a convolution whose kernels are not shared."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("alexnet_tf")
class LocallyConnected2D(keras.layers.Layer):
    """y[p] = patch(x, p) W[p] + b[p], for every position p.

    A convolution with step 1 that has kernels and biases of its own at each
    position, as cuda-convnet's `local` layers (the third and fourth layer of
    its conv-local networks). Keras 3 has no such layer.

    Args:
        filters: kernels at each position.
        kernel_size: odd height and width of a kernel, in units of the maps;
            zeros around the maps keep their size.
        weight_std: standard deviation of the initial kernels, drawn from a
            normal distribution with mean 0; biases begin with 0. None:
            LeCun's, 1 / sqrt(kernel_size^2 C).
        seed: integer; the initial kernels are a function of it.

    Input: [B, H, W, C] float.
    Output: [B, H, W, filters] of the same dtype.

    Raises:
        ValueError: kernel_size is even.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        weight_std: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, not {kernel_size}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.weight_std = weight_std
        self.seed = seed

    def build(self, input_shape: tuple[Any, ...]) -> None:
        _, height, width, channels = input_shape
        inputs = self.kernel_size**2 * channels
        std = inputs**-0.5 if self.weight_std is None else self.weight_std
        self.kernel = self.add_weight(
            name="kernel",
            shape=(height * width, inputs, self.filters),
            initializer=keras.initializers.RandomNormal(
                stddev=std, seed=self.seed
            ),
        )
        # One axis: that is how the update rule knows biases.
        self.bias = self.add_weight(
            name="bias",
            shape=(height * width * self.filters,),
            initializer="zeros",
        )

    def call(self, maps: tf.Tensor) -> tf.Tensor:
        height, width = maps.shape[1:3]
        edge = (self.kernel_size // 2,) * 2
        # With the images behind the positions the patches of a position are
        # the rows of one matrix.
        padded = tf.pad(
            tf.transpose(maps, [1, 2, 0, 3]), [edge, edge, (0, 0), (0, 0)]
        )
        patches = tf.concat(
            [
                padded[row : row + height, column : column + width]
                for row in range(self.kernel_size)
                for column in range(self.kernel_size)
            ],
            axis=-1,
        )
        rows = tf.reshape(patches, [height * width, -1, patches.shape[-1]])
        products = tf.matmul(rows, tf.convert_to_tensor(self.kernel))
        products = tf.transpose(products, [1, 0, 2])
        sums = tf.reshape(products, [-1, self.bias.shape[0]]) + self.bias
        return tf.reshape(sums, [-1, height, width, self.filters])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "weight_std": self.weight_std,
            "seed": self.seed,
        }
