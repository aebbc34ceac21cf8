"""The predict method: from a request's JSON to the answer's."""

from typing import Any

from export.server.deadline import Deadline
from export.server.json.answers import columns_json, rows_json
from export.server.json.tensors import input_tensors
from export.server.models.signature import Signature, signature_of
from export.server.serving_error import ServingError


def predict_json(
    signatures: dict[str, Signature],
    name: str,
    document: dict[str, Any],
    deadline: Deadline,
) -> tuple[str, int]:
    """Answers a predict request.

    Args:
        signatures: those of the model, by name.
        name: of the signature; "" is the default one.
        document: the request.
        deadline: ends the work.

    Returns:
        (JSON text, rows of the input).

    Raises:
        ServingError: the request does not fit, the model fails, or the time
            is over.
    """
    signature = signature_of(signatures, name)
    if not signature.input_dtypes:
        raise ServingError(
            f"Failed to get input map for signature: {name or 'DEFAULT'}"
        )
    tensors, by_row = input_tensors(document, signature.input_dtypes, deadline)
    write = rows_json if by_row else columns_json
    outputs = signature.run(tensors, deadline.left())
    rows = max(len(t) if t.ndim else 1 for t in tensors.values())
    return write(outputs, signature.output_dtypes), rows
