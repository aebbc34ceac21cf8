"""The signatures of the exported model.

| signature | input | outputs |
|---|---|---|
| serving_default | image_bytes | classes, scores, valid |
| probabilities | image_bytes | probabilities, valid |
| features | image_bytes | features, valid |
| crops | image_bytes | crops_bytes, valid |
| images | images | classes, scores, probabilities |
| classify | inputs | classes, scores |

Beside these stand those of `export.inside`, which show what happens in the
network.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE, decode
from alexnet_tf.evaluation.calibration import tempered
from alexnet_tf.evaluation.shared_crops import predictor
from alexnet_tf.evaluation.ten_crop import ten_crops
from alexnet_tf.network import fc7_network
from export.image_batch import bounded, records_of, zero_unless
from export.in_parts import in_parts
from export.inside import Endpoints, Inside

BEST = 5
CROPS_QUALITY = 95  # of the JPEG files in `crops`


class Signatures:
    """What an exported model answers.

    Args:
        network: from uint8 crops to logits, built without device pins.
        crop: side of a crop, in pixels.
        class_names: one per logit.
        temperature: by which all probabilities are `tempered`; None: they
            stay as the network has them.
        card: JSON values about the model, to be told beside its classes.
    """

    def __init__(
        self,
        network: keras.Model,
        crop: int,
        class_names: Sequence[str],
        *,
        temperature: float | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        self._ten_crops = predictor(network, crop, crops=10)
        self._fc7 = fc7_network(network)
        self._crop = crop
        self._class_names = class_names
        self._temperature = temperature
        known = {"classes": list(class_names), "temperature": temperature}
        self._inside = Inside(network, crop, known | dict(card or {}))

    def endpoints(self) -> Endpoints:
        """{signature name: (function, its TensorSpecs)}."""
        image_bytes = tf.TensorSpec([None], tf.string, name="image_bytes")
        images = tf.TensorSpec(
            [None, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8, name="images"
        )
        examples = tf.TensorSpec([None], tf.string, name="inputs")
        return {
            "serving_default": (self.serving_default, [image_bytes]),
            "probabilities": (self.probabilities, [image_bytes]),
            "features": (self.features, [image_bytes]),
            "crops": (self.crops, [image_bytes]),
            "images": (self.images, [images]),
            "classify": (self.classify, [examples]),
            **self._inside.endpoints(),
        }

    def serving_default(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The five most probable classes of encoded images.

        Args:
            image_bytes: string [B]; JPEG, PNG, GIF, BMP or WebP files.

        Returns:
            {"classes": UTF-8 names, string [B, 5], "scores": their
            probabilities averaged over ten crops, float32 [B, 5], "valid":
            bool [B]}. Fewer than five where the network has fewer classes.
            Where an image is not valid its names are empty and its scores 0.
        """
        records, valid = records_of(image_bytes)
        best = self._best(self._probabilities(records), valid)
        return {**best, "valid": valid}

    def probabilities(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The probabilities of all classes, averaged over ten crops.

        Args:
            image_bytes: see `serving_default`.

        Returns:
            {"probabilities": float32 [B, classes], 0 where an image is not
            valid, "valid": bool [B]}.
        """
        records, valid = records_of(image_bytes)
        probabilities = tf.cast(self._probabilities(records), tf.float32)
        return {
            "probabilities": zero_unless(valid, probabilities),
            "valid": valid,
        }

    def features(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The activations of fc7 for the central crop, tower 0's first.

        Args:
            image_bytes: see `serving_default`.

        Returns:
            {"features": float32 [B, 4096], 0 where an image is not valid,
            "valid": bool [B]}.
        """
        records, valid = records_of(image_bytes)
        fc7 = self._fc7(centre_crop(records, self._crop), training=False)
        return {
            "features": zero_unless(valid, tf.cast(fc7, tf.float32)),
            "valid": valid,
        }

    def crops(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The ten crops that the network looks at, to be looked at.

        Args:
            image_bytes: see `serving_default`.

        Returns:
            {"crops_bytes": JPEG files, string [B, 10], in the order of
            `ten_crops`, empty where an image is not valid, "valid": bool
            [B]}.
        """
        records, valid = records_of(image_bytes)
        views = ten_crops(records, self._crop)
        files = tf.map_fn(
            lambda view: tf.io.encode_jpeg(view, quality=CROPS_QUALITY),
            tf.reshape(views, [-1, self._crop, self._crop, 3]),
            fn_output_signature=tf.TensorSpec([], tf.string),
        )
        files = tf.reshape(files, [-1, views.shape[1]])
        return {
            "crops_bytes": tf.where(valid[:, None], files, ""),
            "valid": valid,
        }

    def images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `serving_default` and `probabilities`, of decoded images.

        Args:
            images: uint8 [B, 256, 256, 3], 0..255: shorter side 256, then
                the centre, as `alexnet_tf.data.preprocess.to_record` makes
                them.

        Returns:
            {"classes": string [B, 5], "scores": float32 [B, 5],
            "probabilities": float32 [B, classes]}.
        """
        images = tf.ensure_shape(images, [None, RECORD_SIZE, RECORD_SIZE, 3])
        with bounded(tf.shape(images)[0]):
            images = tf.identity(images)
        probabilities = self._probabilities(images)
        valid = tf.fill([tf.shape(images)[0]], True)
        return {
            **self._best(probabilities, valid),
            "probabilities": tf.cast(probabilities, tf.float32),
        }

    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `serving_default`, for TF Serving's :classify.

        Args:
            inputs: string [B], serialized `tf.train.Example`s whose bytes
                feature "image" is an image file.

        Returns:
            {"classes": string [B, 5], "scores": float32 [B, 5]}; empty names
            and 0 where an example holds no image that can be decoded.
        """

        def decode_example(example: tf.Tensor) -> tf.Tensor:
            features = {"image": tf.io.FixedLenFeature([], tf.string)}
            return decode(
                tf.io.parse_single_example(example, features)["image"]
            )

        records, valid = records_of(inputs, decode_example)
        return self._best(self._probabilities(records), valid)

    def _probabilities(self, records: tf.Tensor) -> tf.Tensor:
        probabilities = in_parts(
            self._ten_crops,
            records,
            tf.TensorSpec([None, len(self._class_names)], tf.float64),
        )
        if self._temperature is None:
            return probabilities
        return tempered(probabilities, self._temperature)

    def _best(
        self, probabilities: tf.Tensor, valid: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        best = min(BEST, len(self._class_names))
        scores, indices = tf.math.top_k(probabilities, best)
        names = tf.gather(tf.constant(self._class_names), indices)
        return {
            "classes": tf.where(valid[:, None], names, ""),
            "scores": zero_unless(valid, tf.cast(scores, tf.float32)),
        }
