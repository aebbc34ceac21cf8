"""Keras, a Session, REST and ONNX Runtime on the same photographs.

    python -m benchmarks.agreement --run=RUN --json IMAGE ...

Exports the run twice, starts the local server and prints the largest
differences of the probabilities from those that Keras computes in this
process. Needs `pip install --group dev`.
"""

import base64
import pathlib
import tempfile

import numpy as np
import onnxruntime
import requests
import tensorflow as tf

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.options import Options
from alexnet_tf.run.folder import trained_run
from alexnet_tf.run.trained import load_trained
from benchmarks import command_line
from modes import export
from tests.contract.local_server import LocalServer


def differences(run, images):
    """Largest absolute differences from Keras' probabilities.

    Args:
        run: path of a trained run.
        images: bytes of image files, all valid.

    Returns:
        {"session": float, "rest": float, "onnx": float}.
    """
    trained = load_trained(trained_run(run))
    records = tf.stack([to_record(decode(image)) for image in images])
    keras = ten_crop_probabilities(trained.network, records, trained.crop)
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder) / "alexnet"
        for file_format in ("saved_model", "onnx"):
            options = Options(
                config=None,
                run=str(run),
                export_dir=str(base),
                format=file_format,
            )
            export.main(options)
        answers = {
            "session": _in_session(base / "1", images),
            "rest": _over_rest(base, images),
            "onnx": _in_onnx_runtime(base / "alexnet.onnx", records.numpy()),
        }
    return {
        name: float(np.abs(answer - keras.numpy()).max())
        for name, answer in answers.items()
    }


def _in_session(version, images):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(version))
        signature = loaded.signature_def["probabilities"]
        return session.run(
            signature.outputs["probabilities"].name,
            {
                signature.inputs["image_bytes"].name: np.array(images, object),
            },
        )


def _over_rest(base, images):
    body = {
        "signature_name": "probabilities",
        "instances": [
            {"b64": base64.b64encode(image).decode()} for image in images
        ],
    }
    with LocalServer(f"--export_dir={base}") as server:
        answer = requests.post(
            f"{server.url}/v1/models/alexnet:predict", json=body, timeout=120
        )
    answer.raise_for_status()
    return np.array([p["probabilities"] for p in answer.json()["predictions"]])


def _in_onnx_runtime(file, records):
    session = onnxruntime.InferenceSession(
        str(file), providers=["CPUExecutionProvider"]
    )
    [probabilities] = session.run(["probabilities"], {"images": records})
    return probabilities


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--run", help="run folder; default: the newest")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    arguments = parser.parse_args()
    files = command_line.contents(arguments.images)
    run = trained_run(arguments.run).path
    result = {"images": len(files), **differences(run, files)}
    for name in ("session", "rest", "onnx"):
        print(f"{name:8} differs from keras by at most {result[name]:.1e}")
    command_line.tell(arguments, result)


if __name__ == "__main__":
    command_line.run(main)
