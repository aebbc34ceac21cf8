"""TensorFlow Serving's gRPC interface; imports TensorFlow."""

import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

import grpc
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from export.client.server_errors import (
    Refused,
    ServerError,
    TryAgain,
    brief,
    foreign,
    too_large,
    unanswered,
    unreachable,
)
from export.client.settings import Settings
from export.messages import (
    METADATA,
    PREDICT,
    STATES,
    STATUS,
    GetModelMetadataRequest,
    GetModelStatusRequest,
    ModelSpec,
    PredictRequest,
    SignatureDefMap,
)

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),  # not limited
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),  # `repeated` does that
    # A connection that failed is tried again no later than a request is.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
REFUSALS = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
)
BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)


class GrpcTransport:
    """As `RestTransport`, with the same results and errors."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channel = grpc.insecure_channel(
            urllib.parse.urlsplit(settings.url).netloc, options=CHANNEL_OPTIONS
        )

    def close(self) -> None:
        self._channel.close()

    def predict(
        self, images: Sequence[bytes], seconds: float
    ) -> dict[str, Any]:
        """The signature's outputs: {name: one value per image}."""
        request = PredictRequest(model_spec=self._model_spec())
        request.model_spec.signature_name = self._settings.signature
        tensor = request.inputs["image_bytes"]
        tensor.dtype = types_pb2.DT_STRING
        tensor.tensor_shape.dim.add(size=len(images))
        tensor.string_val.extend(images)
        response = self._call(PREDICT, request, seconds, images)
        try:
            return {
                name: _plain(tf.make_ndarray(value).tolist())
                for name, value in response.outputs.items()
            }
        except (TypeError, ValueError) as error:
            raise ServerError(foreign(self._settings.url, error)) from None

    def signatures(self, seconds: float) -> list[str]:
        """Names of the signatures of the model that was asked for."""
        request = GetModelMetadataRequest(
            model_spec=self._model_spec(), metadata_field=["signature_def"]
        )
        response = self._call(METADATA, request, seconds)
        # `Any.Unpack` would ask for the package that the server names.
        signatures = SignatureDefMap.FromString(
            response.metadata["signature_def"].value
        )
        return sorted(n for n in signatures.signature_def if n[:2] != "__")

    def versions(self, seconds: float) -> list[str]:
        """The model's versions, newest first, with states that matter."""
        request = GetModelStatusRequest()
        request.model_spec.name = self._settings.model
        response = self._call(STATUS, request, seconds)
        names = {number: name for name, number in STATES.items()}
        return [
            str(status.version)
            if status.state == STATES["AVAILABLE"]
            else f"{status.version} ({names.get(status.state, status.state)})"
            for status in response.model_version_status
        ]

    def available(self, seconds: float) -> list[int]:
        """The versions that may answer what is asked for."""
        request = GetModelStatusRequest(model_spec=self._model_spec())
        response = self._call(STATUS, request, seconds)
        return [
            status.version
            for status in response.model_version_status
            if status.state == STATES["AVAILABLE"]
        ]

    def _call(
        self,
        method: tuple[str, Any, Any],
        request: Any,
        seconds: float,
        images: Sequence[bytes] = (),
    ) -> Any:
        path, sent, received = method
        call = self._channel.unary_unary(
            path,
            request_serializer=sent.SerializeToString,
            response_deserializer=received.FromString,
        )
        try:
            return call(request, timeout=seconds)
        except grpc.RpcError as error:
            raise self._fault(error, images) from None

    def _model_spec(self) -> Any:
        spec = ModelSpec(name=self._settings.model)
        if self._settings.version is not None:
            spec.version.value = self._settings.version
        elif self._settings.label is not None:
            spec.version_label = self._settings.label
        return spec

    def _fault(
        self, error: grpc.RpcError, images: Sequence[bytes] = ()
    ) -> ServerError | TryAgain:
        url, code = self._settings.url, error.code()
        details = brief(error.details())
        if code in REFUSALS:
            return Refused(details)
        if re.search("message larger than max", details):
            return ServerError(too_large(url, images))
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return TryAgain(unanswered(url))
        if re.search("failed to connect", details):
            return TryAgain(unreachable(url, details))
        if re.search("errors resolving|DNS resolution failed", details):
            return ServerError(unreachable(url, details))
        if code in BUSY:
            return TryAgain(f"{url} is busy, {code.name}: {details}")
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return ServerError(foreign(url, details))
        return ServerError(f"{url} failed, {code.name}: {details}")


def _plain(value: Any) -> Any:
    """Nested lists with text in place of UTF-8."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return (
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    )
