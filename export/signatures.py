"""The signatures of the exported model."""

import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE, decode, to_record
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities

BEST = 5


class Signatures:
    """What an exported model answers.

    Args:
        network: from uint8 crops to logits, built without device pins.
        crop: side of a crop, in pixels.
        class_names: one per logit.
    """

    def __init__(self, network, crop, class_names):
        self._network = network
        self._crop = crop
        self._class_names = class_names

    def endpoints(self):
        """{signature name: (function, its TensorSpecs)}."""
        image_bytes = tf.TensorSpec([None], tf.string, name="image_bytes")
        return {"serving_default": (self.classify_bytes, [image_bytes])}

    def classify_bytes(self, image_bytes):
        """The five most probable classes of encoded images.

        Args:
            image_bytes: string [B]; JPEG, PNG, GIF, BMP or WebP.

        Returns:
            {"classes": UTF-8 names, string [B, 5], "scores": their
            probabilities, averaged over ten crops, float32 [B, 5]}; fewer
            than five where the network has fewer classes.
        """
        # TF Serving checks no shapes: without this a scalar would reach the
        # graph and fail obscurely.
        image_bytes = tf.ensure_shape(image_bytes, [None])
        records = tf.map_fn(
            lambda encoded: to_record(decode(encoded)),
            image_bytes,
            fn_output_signature=tf.TensorSpec(
                [RECORD_SIZE, RECORD_SIZE, 3], tf.uint8
            ),
        )
        probabilities = ten_crop_probabilities(
            self._network, records, self._crop
        )
        best = min(BEST, len(self._class_names))
        scores, indices = tf.math.top_k(probabilities, best)
        names = tf.constant(self._class_names)
        return {
            "classes": tf.gather(names, indices),
            "scores": tf.cast(scores, tf.float32),
        }
