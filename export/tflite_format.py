"""The trained network as one LiteRT file (`.tflite`), for phones.

It takes `images`, uint8 [1, 256, 256, 3], RGB, and answers

    probabilities   float32 [1, classes], of the centre crop

The centre crop and the mean image are inside, ten crops are not: a phone has
one picture and little time. Decoding and resizing stay outside; `export.
onnx_format` shows how to make such an image with Pillow. The class names are
`labels.txt` in a zip archive at the end of the file, where LiteRT's tools look
for files that belong to a model:

    interpreter = Interpreter("alexnet.tflite")
    probabilities = interpreter.get_signature_runner()(images=images)
    names = zipfile.ZipFile("alexnet.tflite").read("labels.txt").decode()

`Interpreter` is that of `ai_edge_litert.interpreter`, or `tf.lite`.

The weights are float32, float16 or int8. int8 ones have a scale for each
kernel; what is multiplied by them is rounded to 8 bits with a scale that is
found while the network runs, so that no images are needed to write the file.
All else, LRN and softmax too, is float32 in any case.
"""

from __future__ import annotations

import pathlib
import re
import tempfile
from typing import TYPE_CHECKING

import tensorflow as tf
from keras.export import ExportArchive

from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import replacing, writable
from export.labels import append_labels

if TYPE_CHECKING:
    from alexnet_tf.run.trained import TrainedNetwork

FILES = {
    "none": "alexnet.tflite",
    "float16": "alexnet-float16.tflite",
    "int8": "alexnet-int8.tflite",
}
MISSING = re.compile(r"tf\.\w+(?=' op is neither)")


def write_tflite(
    export_dir: str | pathlib.Path, trained: TrainedNetwork, quantize: str
) -> pathlib.Path:
    """Writes the file, complete or not at all.

    Args:
        export_dir: folder, made if absent.
        trained: `TrainedNetwork`.
        quantize: what the weights are stored as: "none" (float32), "float16"
            or "int8".

    Returns:
        Path of the file, whose name says what the weights are.

    Raises:
        UserError: the file cannot carry the network, or the folder cannot be
            written.
    """
    contents = _converted(trained, quantize)
    file = pathlib.Path(export_dir) / FILES[quantize]
    with writable(f"--export_dir={export_dir}"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            temporary.write_bytes(contents)
            append_labels(temporary, trained.class_names)
    return file


def _converted(trained: TrainedNetwork, quantize: str) -> bytes:
    network, crop = trained.network, trained.crop

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = network(centre_crop(images, crop), training=False)
        return {"probabilities": tf.nn.softmax(logits)}

    one = tf.TensorSpec([1, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8, "images")
    with tempfile.TemporaryDirectory() as folder:
        archive = ExportArchive()
        archive.add_endpoint("serving_default", answer, [one])
        archive.write_out(folder, verbose=False)
        # Of a SavedModel the variables become constants; of a function they
        # would be left out.
        return _of_saved_model(folder, quantize)


def _of_saved_model(folder: str, quantize: str) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        return converter.convert()
    except Exception as error:  # it has no class of its own that is public
        missing = sorted(set(MISSING.findall(str(error))))
        if not missing:
            raise
        raise UserError(
            f"a LiteRT file cannot carry {', '.join(missing)}: use "
            "--format=saved_model"
        ) from None
