"""The form in which conv1 gets its pixels."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("alexnet_tf")
class InputForm(keras.layers.Layer):
    """Divides pixels and puts their colours in order.

    The paper does neither. The 2012 code divides a crop by 1.1, after mean
    and lighting; Caffe's networks read blue, green, red.

    Args:
        divisor: what pixels are divided by, in float32.
        channel_order: "rgb" or "bgr".

    Input: [B, H, W, 3] float, RGB.
    Output: the same in the layer's compute dtype and the colours' new order.
    """

    def __init__(self, divisor=1.0, channel_order="rgb", **kwargs):
        super().__init__(autocast=False, **kwargs)
        if channel_order not in ("rgb", "bgr"):
            raise ValueError(
                f"channel_order must be rgb or bgr, not {channel_order}"
            )
        self.divisor = divisor
        self.channel_order = channel_order

    def call(self, images):
        x = images
        if self.divisor != 1:
            x = tf.cast(x, tf.float32) / self.divisor
        if self.channel_order == "bgr":
            x = tf.reverse(x, [-1])
        return tf.cast(x, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "divisor": self.divisor,
            "channel_order": self.channel_order,
        }
