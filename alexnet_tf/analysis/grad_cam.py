"""Where in an image the evidence for a class lies.

R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh and D. Batra:
Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization, ICCV 2017, section 3.
"""

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.analysis.heat import heat_over
from alexnet_tf.data.augment import centre_crop
from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.network import weighted_layers


class GradCam:
    """Class activation maps of a network's last convolution.

    With A_k the k-th map of the last convolution, conv5 in the paper's network
    and conv6 where there is one, after its ReLU and before any pool, and y_c
    the logit of class c, before the softmax:

        a_k = mean over the places i, j of dy_c / dA_k[i, j]
        map = ReLU(sum over k of a_k A_k)            (equations 1 and 2)

    The maps of both towers are summed: a network with towers is one whose
    kernels are divided. A map is 0 everywhere where nothing speaks for the
    class.

    A call consists of TensorFlow operations alone, so it may stand inside a
    `tf.function` or an exported signature. Compiled so it takes less time:
    the gradients of the weights, which nobody wants, are left out.

    Args:
        network: from uint8 crops [B, crop, crop, 3] to logits, as
            `build_network` makes it, with one tower or two, of any precision.

    Attributes:
        layer: name of the last convolution.
        side: height and width of a map, 13 for conv5 of the paper's network.
    """

    def __init__(self, network: keras.Model) -> None:
        *_, last = [
            layer
            for layer in weighted_layers(network)
            if isinstance(layer, TowerConv2D)
        ]
        towers = last.tower_outputs
        self.layer: str = last.name
        self.side: int = towers[0].shape[1]
        self._maps_of = keras.Model(network.input, towers)
        self._logits_of = keras.Model(towers, network.output)

    def __call__(self, crops: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """The map of a class for each crop.

        Args:
            crops: uint8 [B, crop, crop, 3].
            classes: integer [B], any class of each.

        Returns:
            float32 [B, side, side], at least 0, in units of the logit per
            place: not scaled to a range.
        """
        towers = self._maps_of(crops, training=False)
        if not isinstance(towers, list):  # Keras unwraps a list of one
            towers = [towers]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(towers)
            logits = self._logits_of(towers, training=False)
            # No image's logit depends on another image, so the gradient of
            # the sum holds that of each.
            own = tf.gather(logits, classes, axis=1, batch_dims=1)
            total = tf.reduce_sum(own)
        gradients = tape.gradient(total, towers)
        weighted = [
            _weighted_sum(maps, gradient)
            for maps, gradient in zip(towers, gradients, strict=True)
        ]
        return tf.nn.relu(tf.add_n(weighted))


def _weighted_sum(maps: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Sum of a tower's maps, each times the mean of its gradient.

    Args:
        maps, gradient: float [B, H, W, K] of any precision.

    Returns:
        float32 [B, H, W].
    """
    weights = tf.reduce_mean(tf.cast(gradient, tf.float32), axis=(1, 2))
    return tf.einsum("bhwk,bk->bhw", tf.cast(maps, tf.float32), weights)


def enlarged(maps: tf.Tensor, side: int) -> tf.Tensor:
    """Maps laid over the crops that they are of, bilinearly, as in the paper.

    Args:
        maps: float32 [B, H, W].
        side: of a crop, in pixels.

    Returns:
        float32 [B, side, side].
    """
    return tf.image.resize(maps[..., None], (side, side))[..., 0]


class Evidence:
    """Pictures of where the evidence for a class lies.

    Args:
        network: see `GradCam`.
        crop: side of a crop, in pixels.

    Attributes:
        layer: see `GradCam`.
    """

    def __init__(self, network: keras.Model, crop: int) -> None:
        self._crop = crop
        cam = GradCam(network)
        self.layer = cam.layer
        crops = tf.TensorSpec([None, crop, crop, 3], tf.uint8)
        classes = tf.TensorSpec([None], tf.int64)
        self._cam = tf.function(cam, input_signature=[crops, classes])

    def __call__(
        self, records: np.ndarray, classes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The central crops of records, and a class's map laid over each.

        Args:
            records: uint8 [B, 256, 256, 3], 0..255.
            classes: integer [B].

        Returns:
            Two uint8 [B, crop, crop, 3]; see `heat_over` for the colours.
        """
        crops = centre_crop(records, self._crop)
        maps = self._cam(tf.constant(crops), tf.constant(classes, tf.int64))
        large = enlarged(maps, self._crop).numpy()
        return np.asarray(crops), np.stack(
            [heat_over(*pair) for pair in zip(crops, large, strict=True)]
        )
