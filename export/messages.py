"""The messages of TensorFlow Serving's API that this program sends or reads.

Built when they are imported, so that tensorflow-serving-api is not needed: it
asks for `tensorflow`, which would replace tensorflow-cpu. Names and numbers of
the fields are those of TensorFlow Serving's .proto files, `apis` and `config`;
the package is another one, so that both can be loaded in one process. A field
that is not listed here is kept as protobuf keeps unknown ones.
"""

import typing

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    wrappers_pb2,
)
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

PACKAGE = "alexnet.tf_serving"
ANY = any_pb2.Any.DESCRIPTOR.full_name
INT64 = wrappers_pb2.Int64Value.DESCRIPTOR.full_name
TENSOR = tensor_pb2.TensorProto.DESCRIPTOR.full_name
SIGNATURE = meta_graph_pb2.SignatureDef.DESCRIPTOR.full_name

# A message has its fields as "number name type", the type with * where
# repeated, "map KEY VALUE" for a map; "| NAME" puts a field into the oneof
# NAME.
MESSAGES = {
    "ModelSpec": (
        "1 name string",
        f"2 version {INT64} | version_choice",
        "4 version_label string | version_choice",
        "3 signature_name string",
    ),
    "PredictRequest": (
        "1 model_spec ModelSpec",
        f"2 inputs map string {TENSOR}",
        "3 output_filter string*",
    ),
    "PredictResponse": (
        "2 model_spec ModelSpec",
        f"1 outputs map string {TENSOR}",
    ),
    "PredictLog": ("1 request PredictRequest", "2 response PredictResponse"),
    # The contents of the other kinds are not read.
    "OtherLog": (),
    "PredictionLog": (
        "2 classify_log OtherLog | log_type",
        "3 regress_log OtherLog | log_type",
        "6 predict_log PredictLog | log_type",
        "7 predict_streamed_log OtherLog | log_type",
        "4 multi_inference_log OtherLog | log_type",
        "5 session_run_log OtherLog | log_type",
    ),
    "GetModelMetadataRequest": (
        "1 model_spec ModelSpec",
        "2 metadata_field string*",
    ),
    "GetModelMetadataResponse": (
        "1 model_spec ModelSpec",
        f"2 metadata map string {ANY}",
    ),
    "SignatureDefMap": (f"1 signature_def map string {SIGNATURE}",),
    "GetModelStatusRequest": ("1 model_spec ModelSpec",),
    "ModelVersionStatus": ("1 version int64", "2 state State"),
    "GetModelStatusResponse": ("1 model_version_status ModelVersionStatus*",),
    "Latest": ("1 num_versions uint32",),
    "All": (),
    "Specific": ("1 versions int64*",),
    "ServableVersionPolicy": (
        "100 latest Latest | policy_choice",
        "101 all All | policy_choice",
        "102 specific Specific | policy_choice",
    ),
    "ModelConfig": (
        "1 name string",
        "2 base_path string",
        "4 model_platform string",
        "7 model_version_policy ServableVersionPolicy",
        "8 version_labels map string int64",
    ),
    "ModelConfigList": ("1 config ModelConfig*",),
    "ModelServerConfig": (
        "1 model_config_list ModelConfigList | config",
        f"2 custom_model_config {ANY} | config",
    ),
}
STATES = {  # of `ModelVersionStatus`
    "UNKNOWN": 0,
    "START": 10,
    "LOADING": 20,
    "AVAILABLE": 30,
    "UNLOADING": 40,
    "END": 50,
}
FIELD = descriptor_pb2.FieldDescriptorProto


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE.replace('.', '/')}.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[
            message.DESCRIPTOR.file.name
            for message in (
                any_pb2.Any,
                wrappers_pb2.Int64Value,
                tensor_pb2.TensorProto,
                meta_graph_pb2.SignatureDef,
            )
        ],
    )
    states = file.enum_type.add(name="State")
    for name, number in STATES.items():
        states.value.add(name=name, number=number)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, field)
    return file


def _add_field(message: typing.Any, text: str) -> None:
    text, _, oneof = text.partition(" | ")
    number, name, kind = text.split(" ", 2)
    field = message.field.add(name=name, number=int(number))
    field.label = FIELD.LABEL_OPTIONAL
    if kind.startswith("map "):
        entry = message.nested_type.add()
        entry.name = name.title().replace("_", "") + "Entry"
        entry.options.map_entry = True
        _, key, value = kind.split(" ")
        _add_field(entry, f"1 key {key}")
        _add_field(entry, f"2 value {value}")
        kind = f"{message.name}.{entry.name}*"
    if kind.endswith("*"):
        field.label = FIELD.LABEL_REPEATED
    kind = kind.rstrip("*")
    if kind in ("string", "int64", "uint32"):
        field.type = getattr(FIELD, f"TYPE_{kind.upper()}")
    else:
        field.type = FIELD.TYPE_ENUM if kind == "State" else FIELD.TYPE_MESSAGE
        foreign = "." in kind and not kind.startswith(f"{message.name}.")
        field.type_name = f".{kind}" if foreign else f".{PACKAGE}.{kind}"
    if oneof:
        if oneof not in [declared.name for declared in message.oneof_decl]:
            message.oneof_decl.add(name=oneof)
        field.oneof_index = len(message.oneof_decl) - 1


def _classes() -> dict[str, typing.Any]:
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(_file().SerializeToString())
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
        )
        for name in MESSAGES
    }


_built = _classes()
PredictionLog = _built["PredictionLog"]
PredictRequest = _built["PredictRequest"]
PredictResponse = _built["PredictResponse"]
ModelSpec = _built["ModelSpec"]
GetModelMetadataRequest = _built["GetModelMetadataRequest"]
GetModelMetadataResponse = _built["GetModelMetadataResponse"]
SignatureDefMap = _built["SignatureDefMap"]
GetModelStatusRequest = _built["GetModelStatusRequest"]
GetModelStatusResponse = _built["GetModelStatusResponse"]
ModelServerConfig = _built["ModelServerConfig"]

# Methods of the gRPC interface have a path, what goes and what comes.
PREDICT = (
    "/tensorflow.serving.PredictionService/Predict",
    PredictRequest,
    PredictResponse,
)
METADATA = (
    "/tensorflow.serving.PredictionService/GetModelMetadata",
    GetModelMetadataRequest,
    GetModelMetadataResponse,
)
STATUS = (
    "/tensorflow.serving.ModelService/GetModelStatus",
    GetModelStatusRequest,
    GetModelStatusResponse,
)
