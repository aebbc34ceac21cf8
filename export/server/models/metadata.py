"""The answer to a metadata request."""

from collections.abc import Mapping
from typing import Any

from export.server.json.document import written


def metadata_json(
    name: str, version: int, signature_defs: Mapping[str, Any]
) -> str:
    """The signatures of a version.

    Args:
        name: of the model.
        version: its number.
        signature_defs: {name: `SignatureDef`}.

    Returns:
        JSON text: enumerations by name, 64-bit integers as strings, empty
        fields included.
    """
    from google.protobuf.json_format import MessageToDict

    definitions = {
        key: MessageToDict(
            definition,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for key, definition in signature_defs.items()
    }
    answer = {
        "model_spec": {
            "name": name,
            "version": str(version),
            "signature_name": "",
        },
        "metadata": {"signature_def": {"signature_def": definitions}},
    }
    return written(answer)
