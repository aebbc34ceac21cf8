"""Requests that TF Serving runs before it offers a version.

The first run of a graph is slow: it is optimized, memory is set aside and on
a GPU algorithms are chosen for each batch size. `assets.extra/
tf_serving_warmup_requests` moves that before the first client.
"""

import pathlib
from typing import Any

import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE
from export.messages import PredictionLog
from export.server.models.warmup_run import FILE

BATCH_SIZES = (1, 4, 8, 16, 32)  # as in export/tf_serving/batching.config


def write_warmup(version: str | pathlib.Path, model_name: str) -> None:
    """Writes the warm-up requests of an exported version.

    One of each signature that answers about images, and `serving_default`
    with every batch size. Those of `export.inside` are for people who look at
    one image; warming them as well would double what loading takes.

    Args:
        version: path of the SavedModel.
        model_name: what the server calls the model.
    """
    image = tf.io.encode_jpeg(_gradient())
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.append(image.numpy())
    requests = [
        ("serving_default", "image_bytes", tf.repeat(image[None], size))
        for size in BATCH_SIZES
    ]
    requests += [
        (signature, "image_bytes", image[None])
        for signature in ("probabilities", "features", "crops")
    ]
    requests.append(("images", "images", _gradient()[None]))
    requests.append(("classify", "inputs", [example.SerializeToString()]))
    file = pathlib.Path(version) / FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, name, values in requests:
            writer.write(_record(model_name, signature, name, values))


def _record(
    model_name: str, signature: str, input_name: str, values: Any
) -> bytes:
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    request.inputs[input_name].CopyFrom(tf.make_tensor_proto(values))
    return log.SerializeToString()


def _gradient() -> tf.Tensor:
    """A smooth picture, uint8 [256, 256, 3]: small as JPEG."""
    ramp = tf.cast(tf.range(RECORD_SIZE), tf.uint8)
    rows, columns = tf.meshgrid(ramp, ramp)
    return tf.stack([rows, columns, 255 - rows], axis=-1)
