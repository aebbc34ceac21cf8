"""The trained network as one ONNX file, for programs without TensorFlow.

`alexnet.onnx` takes `images`, uint8 [B, 256, 256, 3], RGB, and answers

    probabilities   float32 [B, classes], averaged over the ten crops
    logits          float32 [B, classes], of the centre crop

with B free. Decoding and resizing stay outside. `to_record(decode(bytes))` of
`alexnet_tf.data.preprocess` makes exactly the images that the network was
trained on; Pillow comes close, a grey level or so on average:

    image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    scale = 256 / min(image.size)
    size = [round(side * scale) for side in image.size]
    image = image.resize(size, Image.BILINEAR if scale < 1 else Image.BICUBIC)
    left, top = [(side - 256) // 2 for side in size]
    image = image.crop((left, top, left + 256, top + 256))
    images = np.asarray(image)[None]

The class names lie in the file's metadata, as JSON under `class_names`:

    session = onnxruntime.InferenceSession("alexnet.onnx")
    [probabilities] = session.run(["probabilities"], {"images": images})
    metadata = session.get_modelmeta().custom_metadata_map
    names = json.loads(metadata["class_names"])

`alexnet-int8.onnx` is the same with products of 8-bit integers; see
`export.onnx_int8`.
"""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import replacing, writable
from alexnet_tf.optional import import_or_explain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from alexnet_tf.run.trained import TrainedNetwork

FILE, INT8_FILE = "alexnet.onnx", "alexnet-int8.onnx"
MOST_BYTES = 2**31 - 2**20  # protobuf's limit, less room for the nodes
DESCRIPTION = """\
AlexNet (Krizhevsky, Sutskever and Hinton 2012), trained by alexnet_tf.
images: RGB, 0..255: shorter side resized to 256 (area averaging down, bicubic
up), then the centre. The mean image is subtracted inside. probabilities: the
softmax outputs of ten crops, averaged. logits: of the centre crop. Names of
the classes: class_names in the metadata, JSON."""


def write_onnx(
    export_dir: str | pathlib.Path,
    trained: TrainedNetwork,
    training_images: Iterable[np.ndarray] | None = None,
) -> pathlib.Path:
    """Writes `<export_dir>/alexnet.onnx`, complete or not at all.

    Args:
        export_dir: folder, made if absent.
        trained: `TrainedNetwork`, with two towers or one.
        training_images: batches for `alexnet-int8.onnx`, each uint8 [B, 256,
            256, 3]; without them the weights stay float32.

    Returns:
        Path of the file.

    Raises:
        UserError: onnx, or ONNX Runtime for 8 bits, is not installed, the
            weights are too many for one file, the file cannot carry the
            network, or the folder cannot be written.
    """
    helper = import_or_explain("onnx.helper", "--format=onnx", "--group onnx")
    if training_images is not None:
        import_or_explain("onnxruntime", "--quantize=int8", "--group int8")
    from export.onnx_graph import ten_crop_model  # it imports onnx

    size = 4 * trained.network.count_params()
    if size > MOST_BYTES:
        raise UserError(
            f"the weights take {size / 1e9:.1f} GB, an ONNX file holds 2 GB: "
            "use --format=saved_model or a smaller config.model.width"
        )
    try:
        model = ten_crop_model(trained.network, trained.crop)
    except NotImplementedError as error:
        raise UserError(
            f"an ONNX file cannot carry {error}: use --format=saved_model"
        ) from None
    if training_images is not None:
        from export.onnx_int8 import quantized  # it imports onnxruntime

        model = quantized(model, training_images)
    model.producer_name = "alexnet_tf"
    model.doc_string = DESCRIPTION
    names = json.dumps(trained.class_names, ensure_ascii=False)
    helper.set_model_props(model, {"class_names": names})
    file = pathlib.Path(export_dir) / (
        FILE if training_images is None else INT8_FILE
    )
    with writable(f"--export_dir={export_dir}"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            temporary.write_bytes(model.SerializeToString())
    return file
