"""What happens to pixels before conv1: mean, PCA lighting, divisor."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.layers.draws import add_draws
from alexnet_tf.layers.towers import TowerLayer


class ImageLayer(TowerLayer):
    """A layer of images, which all towers see.

    Args:
        towers: 1: one tensor for all. Where the towers stand apart, their
            number: each computes its own from what crosses, the 8-bit images,
            a quarter of the bytes.
        **kwargs: see `TowerLayer`.

    Input: [B, H, W, 3], or a list with one such tensor per tower.
    Output: a list with one [B, H, W, 3] tensor per tower; of one, the tensor.
    """

    def __init__(self, towers: int = 1, **kwargs: Any) -> None:
        super().__init__(towers=towers, **kwargs)

    def on_images(
        self,
        function: Callable[[tf.Tensor], tf.Tensor],
        images: tf.Tensor | list[tf.Tensor],
    ) -> tf.Tensor | list[tf.Tensor]:
        """Runs `function` on every tower's images; nobody learns from them."""
        given = images if isinstance(images, list) else [images] * self.towers
        made = []
        for tower, seen in enumerate(given):
            with tf.name_scope(f"tower_{tower}"), tf.device(self.device(tower)):
                made.append(function(seen))
        return made if self.towers > 1 else made[0]


@keras.saving.register_keras_serializable("alexnet_tf")
class MeanSubtraction(ImageLayer):
    """Subtracts the training set's mean from every image; nothing is divided.

    The mean is a weight, so a saved network carries its own.

    Args:
        kind: "image": one mean per pixel and colour, the centre crop of the
            256x256 mean image for every crop, as in the 2012 code; "rgb": one
            mean per colour; "given": one per colour, whatever the images are.
        values: R, G, B on the 0..255 scale, where kind is "given".
        **kwargs: see `ImageLayer`.

    Input: [B, H, W, 3], uint8 or float on the 0..255 scale.
    Output: [B, H, W, 3] of the layer's compute dtype, 0..255 minus mean; a
        list where the towers stand apart. So with the layers below.
    """

    def __init__(
        self, kind: str = "image", values: Sequence[float] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in ("image", "rgb", "given"):
            raise ValueError(f"kind must be image, rgb or given, not {kind}")
        if kind == "given" and len(values) != 3:
            raise ValueError(f"a given mean has 3 values, not {len(values)}")
        self.kind = kind
        self.values = tuple(values)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        pixels = input_shape[1:3] if self.kind == "image" else (1, 1)
        self.mean = self.add_weight(
            name="mean",
            shape=(*pixels, 3),
            initializer="zeros",
            trainable=False,
            autocast=False,
        )
        if self.kind == "given":
            self.mean.assign([[self.values]])

    def set_mean(self, mean_image: np.ndarray) -> None:
        """Stores the mean of the training set; a given mean stays.

        Args:
            mean_image: [256, 256, 3] float array, 0..255 scale.
        """
        if self.kind == "given":
            return
        if self.kind == "rgb":
            self.mean.assign(mean_image.mean(axis=(0, 1), keepdims=True))
            return
        height, width = self.mean.shape[:2]
        top = (mean_image.shape[0] - height) // 2
        left = (mean_image.shape[1] - width) // 2
        self.mean.assign(mean_image[top : top + height, left : left + width])

    def call(self, images: tf.Tensor) -> tf.Tensor | list[tf.Tensor]:
        mean = tf.cast(self.mean, tf.float32)

        def centred(images: tf.Tensor) -> tf.Tensor:
            difference = tf.cast(images, tf.float32) - mean
            return tf.cast(difference, self.compute_dtype)

        return self.on_images(centred, images)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kind": self.kind,
            "values": self.values,
        }


def lighting_magnitudes(
    eigenvalues: np.ndarray | float, scale: str
) -> np.ndarray | float:
    """Grey levels per unit of alpha along each principal component.

    Args:
        eigenvalues: of the covariance of RGB pixels on the 0..255 scale, [3].
        scale: "eigenvalues": the paper's text, alpha * lambda with pixels and
            lambda on the 0..1 scale. "square_roots": the 2012 code,
            alpha * sqrt(lambda) on the 0..255 scale.

    Returns:
        [3], in grey levels of 0..255.
    """
    if scale == "eigenvalues":
        # A lambda on 0..1 is lambda / 255^2, and its offset is 255 times as
        # large on 0..255.
        return eigenvalues / 255.0
    if scale == "square_roots":
        return eigenvalues**0.5
    raise ValueError(f"scale must be eigenvalues or square_roots, not {scale}")


@keras.saving.register_keras_serializable("alexnet_tf")
class PCALighting(ImageLayer):
    """Adds [p1 p2 p3] [a1 m1, a2 m2, a3 m3]^T to every pixel of an image.

    p are the eigenvectors of the covariance of RGB pixels over the training
    set, m the `lighting_magnitudes`, a_i ~ N(0, std), drawn once per image in
    training and never at inference.

    Args:
        std: standard deviation of a_i; 0 turns the layer off.
        scale: see `lighting_magnitudes`.
        divisor: what lit pixels are divided by, 1.1 in the 2012 code: there
            one plus the deviation of the noise, in training and as long as
            there is noise.
        seed: integer; the draws are a function of it and of the number of
            training steps taken, which weight files save.
        **kwargs: see `ImageLayer`.

    Input: [B, H, W, 3] float, 0..255 scale, mean subtracted or not.
    Output: the same in the layer's compute dtype; until then float32.
    """

    def __init__(
        self,
        std: float = 0.1,
        scale: str = "eigenvalues",
        divisor: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        lighting_magnitudes(1.0, scale)  # raises where the name is unknown
        self.std = std
        self.scale = scale
        self.divisor = divisor
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.components = self.add_weight(
            name="components",
            shape=(3, 3),
            initializer="zeros",
            trainable=False,
            autocast=False,
        )
        self.draws = [add_draws(self, self.seed)]
        # This is no weight: it follows from the epoch, see `training.schedule`.
        self._is_on = tf.Variable(1.0, trainable=False, name="is_on")

    def switch(self, is_on: bool) -> None:
        """Turns the lighting of training off, or on again."""
        self._is_on.assign(float(is_on))

    def set_principal_components(
        self, eigenvectors: np.ndarray, eigenvalues: np.ndarray
    ) -> None:
        """Stores the principal components of the training set's pixels.

        Args:
            eigenvectors: [3, 3], one per column.
            eigenvalues: [3], of the covariance on the 0..255 scale.
        """
        magnitudes = lighting_magnitudes(eigenvalues, self.scale)
        self.components.assign((eigenvectors * magnitudes).T)

    def principal_components(self) -> tuple[np.ndarray, np.ndarray]:
        """What `set_principal_components` was given, rounded to float32."""
        rows = self.components.numpy().astype(np.float64)
        magnitudes = np.linalg.norm(rows, axis=1)
        vectors = (rows / np.where(magnitudes, magnitudes, 1)[:, None]).T
        if self.scale == "eigenvalues":
            return vectors, magnitudes * 255.0
        return vectors, magnitudes**2

    def call(
        self,
        images: tf.Tensor | list[tf.Tensor],
        training: bool | None = False,
    ) -> tf.Tensor | list[tf.Tensor]:
        if not training or self.std == 0:
            return self.on_images(
                lambda images: tf.cast(images, self.compute_dtype), images
            )
        first = images[0] if isinstance(images, list) else images
        [draws] = self.draws
        std = self.std * self._is_on
        # Elsewhere all images would travel to be counted.
        with tf.device(self.device(0)):
            rows = tf.shape(first)[0]
        # These are drawn once: the towers see the same images.
        alphas = std * draws.normal([rows, 3])
        offsets = tf.matmul(alphas, tf.convert_to_tensor(self.components))
        divisor = tf.where(self._is_on > 0, self.divisor, 1.0)

        def lit(images: tf.Tensor) -> tf.Tensor:
            if self.divisor == 1:
                return add_to_every_pixel(images, offsets, self.compute_dtype)
            lit = add_to_every_pixel(images, offsets, tf.float32)
            return tf.cast(lit / divisor, self.compute_dtype)

        return self.on_images(lit, images)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "std": self.std,
            "scale": self.scale,
            "divisor": self.divisor,
            "seed": self.seed,
        }


def add_to_every_pixel(
    images: tf.Tensor, offsets: tf.Tensor, dtype: str | tf.DType
) -> tf.Tensor:
    """images + offsets[:, None, None, :], in less than half the time on a CPU.

    A row of pixels at once: TensorFlow is slow where so few numbers as three
    are repeated.

    Args:
        images: [B, H, W, C].
        offsets: float32 [B, C].
        dtype: of the result; the sum is one in float32.
    """
    _, height, width, colours = images.shape
    rows = tf.reshape(images, [-1, height, width * colours])
    repeated = tf.tile(offsets, [1, width])
    lit = tf.cast(rows, tf.float32) + repeated[:, None, :]
    return tf.reshape(tf.cast(lit, dtype), tf.shape(images))


@keras.saving.register_keras_serializable("alexnet_tf")
class InputForm(ImageLayer):
    """Divides pixels and puts their colours in order.

    The paper does neither. Caffe's networks read blue, green, red.

    Args:
        divisor: what pixels are divided by, in float32.
        channel_order: "rgb" or "bgr".
        **kwargs: see `ImageLayer`.

    Input: [B, H, W, 3] float, RGB.
    Output: the same in the layer's compute dtype and the colours' new order.
    """

    def __init__(
        self, divisor: float = 1.0, channel_order: str = "rgb", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if channel_order not in ("rgb", "bgr"):
            raise ValueError(
                f"channel_order must be rgb or bgr, not {channel_order}"
            )
        self.divisor = divisor
        self.channel_order = channel_order

    def call(
        self, images: tf.Tensor | list[tf.Tensor]
    ) -> tf.Tensor | list[tf.Tensor]:
        return self.on_images(self._formed, images)

    def _formed(self, images: tf.Tensor) -> tf.Tensor:
        x = images
        if self.divisor != 1:
            x = tf.cast(x, tf.float32) / self.divisor
        if self.channel_order == "bgr":
            x = tf.reverse(x, [-1])
        return tf.cast(x, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "divisor": self.divisor,
            "channel_order": self.channel_order,
        }
