"""The trained network as one `.keras` file, for programs that use Keras.

The model takes `images`, uint8 [B, 256, 256, 3], RGB, to probabilities,
float32 [B, classes], averaged over the ten crops; the mean is inside. Its layer
"alexnet" is the network itself, from crops to logits, to be trained further.
All layers are Keras' own, so that this program is not needed, and any backend
of Keras will do. Decoding and resizing stay outside; `export.onnx_format` shows
how to make such an image with Pillow. The class names are `labels.txt` in the
file, which is a zip archive:

    model = keras.models.load_model("alexnet.keras")
    probabilities = model.predict(images)
    names = zipfile.ZipFile("alexnet.keras").read("labels.txt").decode()
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import replacing, writable
from export.keras_graph import ten_crop_model
from export.labels import append_labels

if TYPE_CHECKING:
    from alexnet_tf.run.trained import TrainedNetwork

FILE = "alexnet.keras"


def write_keras(
    export_dir: str | pathlib.Path, trained: TrainedNetwork
) -> pathlib.Path:
    """Writes `<export_dir>/alexnet.keras`, complete or not at all.

    Args:
        export_dir: folder, made if absent.
        trained: `TrainedNetwork`.

    Returns:
        Path of the file.

    Raises:
        UserError: Keras' own layers cannot carry the network, or the folder
            cannot be written.
    """
    try:
        model = ten_crop_model(trained.network, trained.crop)
    except NotImplementedError as error:
        raise UserError(
            f"Keras' own layers cannot carry {error}: use --format=saved_model"
        ) from None
    file = pathlib.Path(export_dir) / FILE
    with writable(f"--export_dir={export_dir}"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            model.save(temporary)
            append_labels(temporary, trained.class_names)
    return file
