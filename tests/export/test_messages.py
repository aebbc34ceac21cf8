"""Messages as tensorflow-serving-api 2.21 writes them.

The bytes were written by that package, with
`SerializeToString(deterministic=True)`.
"""

import tensorflow as tf
from google.protobuf import text_format

from export.messages import (
    STATES,
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusResponse,
    ModelServerConfig,
    PredictionLog,
    PredictResponse,
    SignatureDefMap,
)

WARMUP = (
    "323d0a3b0a140a07616c65786e6574120208071a0563726f7073121b0a0b696d6167655f"
    "6279746573120c08071204120208014202ffd81a0673636f726573"
)
ANSWER = (
    "0a1c0a0673636f72657312120801120812020801120208012a040000803e12110a07616c"
    "65786e65742206737461626c65"
)
METADATA = (
    "12730a0d7369676e61747572655f64656612620a36747970652e676f6f676c6561706973"
    "2e636f6d2f74656e736f72666c6f772e73657276696e672e5369676e6174757265446566"
    "4d617012280a260a06696d61676573121c1a1a74656e736f72666c6f772f73657276696e"
    "672f70726564696374"
)
CONFIG = (
    "0a400a280a016112022f6d220a74656e736f72666c6f773a07b206040a020406420a0a06"
    "737461626c6510040a0a0a01623a05a2060208020a080a01633a03aa0600"
)
CONFIG_TEXT = """
model_config_list {
  config {
    name: "a" base_path: "/m" model_platform: "tensorflow"
    model_version_policy { specific { versions: 4 versions: 6 } }
    version_labels { key: "stable" value: 4 }
  }
  config { name: "b" model_version_policy { latest { num_versions: 2 } } }
  config { name: "c" model_version_policy { all {} } }
}
"""


def written(message):
    return message.SerializeToString(deterministic=True).hex()


def test_a_warmup_request():
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "alexnet"
    request.model_spec.signature_name = "crops"
    request.model_spec.version.value = 7
    image = tf.make_tensor_proto([b"\xff\xd8"])
    request.inputs["image_bytes"].CopyFrom(image)
    request.output_filter.append("scores")
    assert written(log) == WARMUP


def test_another_kind_of_log_is_known_by_its_name():
    log = PredictionLog.FromString(bytes.fromhex("2a070a0512030a0178"))
    assert log.WhichOneof("log_type") == "session_run_log"


def test_an_answer():
    answer = PredictResponse.FromString(bytes.fromhex(ANSWER))
    assert answer.model_spec.name == "alexnet"
    assert answer.model_spec.WhichOneof("version_choice") == "version_label"
    assert answer.model_spec.version_label == "stable"
    assert tf.make_ndarray(answer.outputs["scores"]).tolist() == [[0.25]]


def test_metadata():
    request = GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "alexnet"
    assert written(request) == (
        "0a090a07616c65786e6574120d7369676e61747572655f646566"
    )
    answer = GetModelMetadataResponse.FromString(bytes.fromhex(METADATA))
    packed = answer.metadata["signature_def"].value
    signatures = SignatureDefMap.FromString(packed).signature_def
    assert {n: s.method_name for n, s in signatures.items()} == {
        "images": "tensorflow/serving/predict"
    }


def test_the_status_of_versions():
    answer = GetModelStatusResponse.FromString(
        bytes.fromhex("0a04080310140a0c0802101e1a06120466696e65")
    )
    assert [(v.version, v.state) for v in answer.model_version_status] == [
        (3, STATES["LOADING"]),
        (2, STATES["AVAILABLE"]),
    ]


def test_a_models_config():
    config = text_format.Parse(CONFIG_TEXT, ModelServerConfig())
    assert written(config) == CONFIG
