"""The signatures that show what happens inside a network.

| signature | input | outputs |
|---|---|---|
| about | topic | about |
| record | image_bytes | record_bytes, valid |
| crop_probabilities | record_bytes | probabilities |
| maps | record_bytes, layer | maps_bytes |
| grad_cam | record_bytes, label | grad_cam |
| kernels | layer, map_index | kernel_bytes, bias |

One who looks at an image asks many times about it: `record` decodes it once,
and the others take what it answers and refuse all else. So their graphs are
small, which makes the first answer quick. `maps` and `grad_cam` are about the
central crop. A tensor in bytes is a serialized `tf.TensorProto` of float32,
whose `tensor_content` holds the numbers: as JSON the maps of conv1 would be
three times as long.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.analysis.grad_cam import GradCam
from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.evaluation.ten_crop import softmax, ten_crops
from alexnet_tf.layers.convolution import TowerConv2D
from export.architecture import INPUT, architecture, shown_layers
from export.image_batch import bounded, records_of
from export.in_parts import in_parts

Endpoints = dict[str, tuple[Callable, list[tf.TensorSpec]]]


class Inside:
    """What an exported model tells about itself.

    Args:
        network: from uint8 crops to logits, built without device pins.
        crop: side of a crop, in pixels.
        card: JSON values about the model, for the topic "card".
    """

    def __init__(
        self, network: keras.Model, crop: int, card: Mapping[str, Any]
    ) -> None:
        self._network = network
        self._crop = crop
        self._classes = network.output.shape[-1]
        self._topics = {
            "network": json.dumps(architecture(network)),
            "card": json.dumps(card),
        }
        layers = shown_layers(network)
        self._layers = [INPUT, *(layer.name for layer in layers)]
        self._outputs = keras.Model(
            network.input,
            [layers[0].input, *(layer.tower_outputs for layer in layers)],
        )
        self._convolutions = [
            layer for layer in layers if isinstance(layer, TowerConv2D)
        ]
        self._grad_cam = GradCam(network)

    def endpoints(self) -> Endpoints:
        """{signature name: (function, its TensorSpecs)}."""
        image_bytes = tf.TensorSpec([None], tf.string, name="image_bytes")
        record_bytes = tf.TensorSpec([None], tf.string, name="record_bytes")
        layer = tf.TensorSpec([None], tf.string, name="layer")
        return {
            "about": (
                self.about,
                [tf.TensorSpec([None], tf.string, name="topic")],
            ),
            "record": (self.record, [image_bytes]),
            "crop_probabilities": (self.crop_probabilities, [record_bytes]),
            "maps": (self.maps, [record_bytes, layer]),
            "kernels": (
                self.kernels,
                [layer, tf.TensorSpec([None], tf.int32, name="map_index")],
            ),
            "grad_cam": (
                self.grad_cam,
                [record_bytes, tf.TensorSpec([None], tf.int32, name="label")],
            ),
        }

    def about(self, topic: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the model is.

        Args:
            topic: string [B], each "network" (see `architecture`) or "card"
                (classes, images, accuracy).

        Returns:
            {"about": JSON texts, string [B]}.
        """
        topic = tf.ensure_shape(topic, [None])
        with bounded(tf.size(topic), "topic"):
            topic = tf.identity(topic)
        which = _index(topic, list(self._topics), "topic")
        return {
            "about": tf.gather(tf.constant([*self._topics.values()]), which)
        }

    def record(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The 256x256 pixels that the crops are cut from.

        Args:
            image_bytes: see `Signatures.serving_default`.

        Returns:
            {"record_bytes": PNG files, string [B], empty where an image is not
            valid, "valid": bool [B]}.
        """
        records, valid = records_of(image_bytes)
        files = tf.map_fn(
            tf.io.encode_png,
            records,
            fn_output_signature=tf.TensorSpec([], tf.string),
        )
        return {"record_bytes": tf.where(valid, files, ""), "valid": valid}

    def crop_probabilities(
        self, record_bytes: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The probabilities of all classes for each of the ten crops.

        Args:
            record_bytes: string [B], as `record` answers.

        Returns:
            {"probabilities": float32 [B, 10, classes], in the order of
            `ten_crops`, before any temperature: that is of their average}.
        """
        result = tf.TensorSpec([None, 10, self._classes], tf.float32)
        records = _decoded(record_bytes)
        return {"probabilities": in_parts(self._of_crops, records, result)}

    def _of_crops(self, records: tf.Tensor) -> tf.Tensor:
        views = ten_crops(records, self._crop)
        crops = tf.reshape(views, [-1, self._crop, self._crop, 3])
        logits = self._network(crops, training=False)
        probabilities = softmax(logits)
        shape = [-1, 10, self._classes]
        return tf.cast(tf.reshape(probabilities, shape), tf.float32)

    def maps(
        self, record_bytes: tf.Tensor, layer: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The output of a layer for the central crop.

        Args:
            record_bytes: string [B], as `record` answers.
            layer: string [B], for each image the name of one of the
                `shown_layers`, or INPUT for what conv1 reads.

        Returns:
            {"maps_bytes": string [B], serialized float32 tensors [H, W, maps
            of all towers], or [neurons], tower 0's first}.
        """
        records = _decoded(record_bytes)
        layer = _as_many(layer, records, "layer")
        which = _index(layer, self._layers, "layer")

        def of_one(element: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            record, index = element
            crops = centre_crop(record[None], self._crop)
            outputs = self._outputs(crops, training=False)
            joined = [
                tf.concat(towers, axis=-1)
                if isinstance(towers, list)
                else towers
                for towers in outputs
            ]
            tensors = [tf.cast(tensor[0], tf.float32) for tensor in joined]
            return tf.switch_case(
                index,
                [
                    lambda tensor=tensor: tf.io.serialize_tensor(tensor)
                    for tensor in tensors
                ],
            )

        files = tf.map_fn(
            of_one,
            (records, which),
            parallel_iterations=1,  # one already uses all cores
            fn_output_signature=tf.TensorSpec([], tf.string),
        )
        return {"maps_bytes": files}

    def kernels(
        self, layer: tf.Tensor, map_index: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The weights that a map is made with.

        Args:
            layer: string [B], each the name of a convolution.
            map_index: int32 [B], of one of its maps, tower 0's first.

        Returns:
            {"kernel_bytes": string [B], serialized float32 tensors [height,
            width, maps that the kernel sees], "bias": float32 [B]}.
        """
        layer = tf.ensure_shape(layer, [None])
        with bounded(tf.size(layer), "kernel"):
            layer = tf.identity(layer)
        map_index = _as_many(map_index, layer, "map_index")
        names = [convolution.name for convolution in self._convolutions]
        which = _index(layer, names, "layer")
        counts = tf.constant([c.units for c in self._convolutions])
        is_there = (map_index >= 0) & (map_index < tf.gather(counts, which))
        map_index = _if(is_there, map_index, "the layer has no such map")
        files, biases = tf.map_fn(
            lambda element: tf.switch_case(
                element[0],
                [
                    lambda convolution=convolution: _kernel(
                        convolution, element[1]
                    )
                    for convolution in self._convolutions
                ],
            ),
            (which, map_index),
            fn_output_signature=(
                tf.TensorSpec([], tf.string),
                tf.TensorSpec([], tf.float32),
            ),
        )
        return {"kernel_bytes": files, "bias": biases}

    def grad_cam(
        self, record_bytes: tf.Tensor, label: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Where in the central crop the evidence for a class lies.

        Args:
            record_bytes: string [B], as `record` answers.
            label: int32 [B], for each image the number of a class.

        Returns:
            {"grad_cam": float32 [B, side, side], see `GradCam`}.
        """
        records = _decoded(record_bytes)
        label = _as_many(label, records, "label")
        is_there = (label >= 0) & (label < self._classes)
        label = _if(is_there, label, "there is no class of such a number")
        side = self._grad_cam.side

        def of_one(element: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            record, number = element
            crops = centre_crop(record[None], self._crop)
            return self._grad_cam(crops, number[None])[0]

        maps = tf.map_fn(
            of_one,
            (records, label),
            parallel_iterations=1,  # as in `maps`
            fn_output_signature=tf.TensorSpec([side, side], tf.float32),
        )
        return {"grad_cam": maps}


def _kernel(
    convolution: TowerConv2D, number: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """One of a layer's kernels, serialized, and its bias."""

    def of_tower(tower: int, own: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        kernel = tf.gather(
            tf.convert_to_tensor(convolution.kernels[tower]), own, axis=-1
        )
        bias = tf.gather(tf.convert_to_tensor(convolution.biases[tower]), own)
        serialized = tf.io.serialize_tensor(tf.cast(kernel, tf.float32))
        return serialized, tf.cast(bias, tf.float32)

    if convolution.towers == 1:
        return of_tower(0, number)
    first = convolution.units_of(0)
    return tf.cond(
        number < first,
        lambda: of_tower(0, number),
        lambda: of_tower(1, number - first),
    )


def _decoded(record_bytes: tf.Tensor) -> tf.Tensor:
    """Records uint8 [B, 256, 256, 3] of PNG files of that size, all of them.

    The size is looked at before anything is decoded.
    """
    files = tf.ensure_shape(record_bytes, [None])
    with bounded(tf.size(files)):
        files = tf.identity(files)
    # Eight bytes of the signature and eight of the header's length and name
    # come before width and height.
    is_record = tf.strings.substr(tf.strings.join([files, 24 * " "]), 16, 8)
    files = _if(
        is_record == 2 * RECORD_SIZE.to_bytes(4, "big"),
        files,
        "record_bytes must be PNG files of 256x256 pixels, as the signature "
        "record answers them",
    )
    return tf.map_fn(
        lambda file: tf.ensure_shape(
            tf.io.decode_png(file, channels=3), [RECORD_SIZE, RECORD_SIZE, 3]
        ),
        files,
        fn_output_signature=tf.TensorSpec(
            [RECORD_SIZE, RECORD_SIZE, 3], tf.uint8
        ),
    )


def _as_many(values: tf.Tensor, rows: tf.Tensor, name: str) -> tf.Tensor:
    """`values`, once there is one for each row."""
    values = tf.ensure_shape(values, [None])
    same = tf.equal(tf.shape(values)[0], tf.shape(rows)[0])
    return _if(same, values, f"there must be one {name} for each row")


def _index(names: tf.Tensor, known: list[str], what: str) -> tf.Tensor:
    """int32 [B]: where in `known` each name is; others are refused."""
    found = names[:, None] == tf.constant(known)[None]
    names_known = tf.reduce_any(found, axis=1)
    found = _if(names_known, found, f"{what} must be one of {', '.join(known)}")
    return tf.argmax(tf.cast(found, tf.int32), 1, output_type=tf.int32)


def _if(condition: tf.Tensor, values: tf.Tensor, message: str) -> tf.Tensor:
    """`values`, where all of `condition` is true; else the graph's error."""
    required = tf.debugging.Assert(tf.reduce_all(condition), [message])
    with tf.control_dependencies([required]):
        return tf.identity(values)
