"""The requests that a version answers before it is offered."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

from export.server.models.signature import signature_of
from export.server.serving_error import ServingError

if TYPE_CHECKING:
    from export.server.models.signature import Signature

FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000  # TF Serving's limit


def run_warmup(
    signatures: dict[str, Signature], path: str | pathlib.Path, seconds: float
) -> None:
    """Runs the warm-up requests of a SavedModel, if it has some.

    Args:
        signatures: {name: `Signature`}.
        path: folder of the SavedModel.
        seconds: that one request may take.

    Raises:
        ServingError: a request fails or is none for predict; or there are
            more than TF Serving allows.
    """
    import tensorflow as tf

    file = pathlib.Path(path) / FILE
    if not file.exists():
        return
    records = tf.data.TFRecordDataset(str(file)).take(MAX_RECORDS + 1)
    for count, record in enumerate(records.as_numpy_iterator(), start=1):
        if count > MAX_RECORDS:
            raise ServingError(
                "Number of warmup records exceeds the maximum ("
                f"{MAX_RECORDS}) at {file}"
            )
        _run(signatures, _predict_request(record), seconds)


def _predict_request(record: bytes) -> Any:
    from export.messages import PredictionLog

    log = PredictionLog.FromString(record)
    kind = log.WhichOneof("log_type")
    if kind != "predict_log":
        raise ServingError(
            f"Unsupported log_type for warmup: {kind}", "UNIMPLEMENTED"
        )
    return log.predict_log.request


def _run(
    signatures: dict[str, Signature], request: Any, seconds: float
) -> None:
    import tensorflow as tf

    name = request.model_spec.signature_name
    signature = signature_of(signatures, name)
    feeds = {
        key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()
    }
    if feeds.keys() != signature.input_dtypes.keys():
        raise ServingError(
            f"A warm-up request for {name or 'the default signature'} has the "
            f"inputs {sorted(feeds)} instead of {list(signature.input_dtypes)}"
        )
    signature.run(feeds, seconds)
