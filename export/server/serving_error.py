"""Errors that a request or a model can end in."""

from typing import Any

# HTTP status of each code of google.rpc.Code, as TF Serving's REST front end
# answers it.
HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}


class ServingError(Exception):
    """What TF Serving calls a status that is not OK.

    Attributes:
        message: what the client reads under "error".
        code: a name of google.rpc.Code, such as "NOT_FOUND".
    """

    def __init__(self, message: str, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        """As TF Serving writes a status into another message."""
        return f"{self.code}: {self.message}"


class TooLargeError(Exception):
    """A body over the limit, packed or unpacked."""


def from_tensorflow(error: Any) -> ServingError:
    """`ServingError` of a `tf.errors.OpError`."""
    import tensorflow as tf

    names = {
        value: name
        for name, value in vars(tf.errors).items()
        if isinstance(value, int)
    }
    return ServingError(error.message, names.get(error.error_code, "UNKNOWN"))
