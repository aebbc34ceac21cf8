"""tf.Examples from the JSON of a classify or regress request."""

from typing import Any

from export.server.deadline import Deadline
from export.server.json.document import (
    decode_base64,
    is_base64_object,
    shortened,
    shown,
)
from export.server.json.tensors import type_name
from export.server.serving_error import ServingError

# What the features that all examples share may take, in all of them together.
MAX_CONTEXT_BYTES = 2**28

_KINDS = {"int64_list": "int64", "float_list": "float", "bytes_list": "bytes"}


def serialized_examples(
    document: dict[str, Any], deadline: Deadline
) -> list[bytes]:
    """Reads the examples that a classify or regress request carries.

    Args:
        document: has "examples", a list of {feature: value or list}, and, if
            given, "context", features that all examples share.
        deadline: ends the work.

    Returns:
        Serialized tf.Examples.

    Raises:
        ServingError: the request has another form, is late, or repeats more
            than `MAX_CONTEXT_BYTES` of its context.
    """
    context = b""
    if "context" in document:
        context = _example(document["context"], deadline)
    if "examples" not in document:
        raise ServingError(
            f"JSON Value: {shown(document)} When method is classify, key "
            "'examples' is expected and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise ServingError(
            f"JSON Value: {shown(document)} Expecting 'examples' value to be "
            "an list/array"
        )
    if not examples:
        raise ServingError(
            f"JSON Value: {shown(document)} 'examples' value is an empty array"
        )
    if len(context) * len(examples) > MAX_CONTEXT_BYTES:
        raise ServingError(
            f"A context of {len(context)} bytes for {len(examples)} examples "
            f"is over {MAX_CONTEXT_BYTES} bytes"
        )
    # Messages one after the other are one message, in which the features of
    # the example replace those of the context.
    return [context + _example(example, deadline) for example in examples]


def _example(features: Any, deadline: Deadline) -> bytes:
    import tensorflow as tf

    deadline.check()
    if not isinstance(features, dict):
        raise ServingError(
            f"Example must be JSON object but got JSON {type_name(features)}"
        )
    example = tf.train.Example()
    for name, value in features.items():
        deadline.check()
        feature = example.features.feature[name]
        for element in value if isinstance(value, list) else [value]:
            _add(feature, shortened(name), element)
    return example.SerializeToString()


def _add(feature: Any, name: str, element: Any) -> None:
    kind, value = _kind_and_value(name, element)
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise ServingError(
            f"Unexpected element type in feature: {name} expecting type: "
            f"{_KINDS[present]}"
        )
    getattr(feature, kind).value.append(value)


def _kind_and_value(name: str, element: Any) -> tuple[str, Any]:
    if isinstance(element, bool):
        return "int64_list", int(element)
    if isinstance(element, int) and -(2**63) <= element < 2**63:
        return "int64_list", element
    if isinstance(element, int) and 0 < element < 2**64:
        raise ServingError(
            f"Feature: {name} has uint64 element. Only int64 is supported."
        )
    if isinstance(element, int | float):
        try:
            return "float_list", float(element)
        except OverflowError:  # an integer of over 308 digits
            raise ServingError(
                "JSON Parse error: Number too big to be stored in double."
            ) from None
    if isinstance(element, str):
        return "bytes_list", element.encode()
    if is_base64_object(element):
        return "bytes_list", decode_base64(element)
    raise ServingError(
        f"Feature: {name} has element with unexpected JSON type: "
        f"{type_name(element)}"
    )
