"""Mean subtraction (Krizhevsky et al. 2012, section 2)."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("alexnet_tf")
class MeanSubtraction(keras.layers.Layer):
    """Subtracts the training set's mean from every image; nothing is divided.

    The mean is a weight, so a saved network carries its own.

    Args:
        kind: "image": one mean per pixel and colour, the centre crop of the
            256x256 mean image for every crop, as in the 2012 code; "rgb": one
            mean per colour; "given": one per colour, whatever the images are.
        values: R, G, B on the 0..255 scale, where kind is "given".

    Input: [B, H, W, 3], uint8 or float on the 0..255 scale.
    Output: [B, H, W, 3] of the layer's compute dtype, 0..255 minus mean.
    """

    def __init__(self, kind="image", values=(), **kwargs):
        super().__init__(autocast=False, **kwargs)
        if kind not in ("image", "rgb", "given"):
            raise ValueError(f"kind must be image, rgb or given, not {kind}")
        if kind == "given" and len(values) != 3:
            raise ValueError(f"a given mean has 3 values, not {len(values)}")
        self.kind = kind
        self.values = tuple(values)

    def build(self, input_shape):
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

    def set_mean(self, mean_image):
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

    def call(self, images):
        centred = tf.cast(images, tf.float32) - tf.cast(self.mean, tf.float32)
        return tf.cast(centred, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "kind": self.kind,
            "values": self.values,
        }
