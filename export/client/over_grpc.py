"""TensorFlow Serving's gRPC interface; imports TensorFlow."""

import re
import urllib.parse

import grpc
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.client.errors import (
    Refused,
    ServerError,
    TryAgain,
    brief,
    foreign,
    too_large,
    unanswered,
    unreachable,
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

    def __init__(self, settings):
        self._settings = settings
        self._channel = grpc.insecure_channel(
            urllib.parse.urlsplit(settings.url).netloc, options=CHANNEL_OPTIONS
        )
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(
            self._channel
        )
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self):
        self._channel.close()

    def predict(self, images, seconds):
        """The signature's outputs: {name: one value per image}."""
        request = predict_pb2.PredictRequest(model_spec=self._model_spec())
        request.model_spec.signature_name = self._settings.signature
        tensor = request.inputs["image_bytes"]
        tensor.dtype = types_pb2.DT_STRING
        tensor.tensor_shape.dim.add(size=len(images))
        tensor.string_val.extend(images)
        try:
            response = self._predictions.Predict(request, timeout=seconds)
        except grpc.RpcError as error:
            raise self._fault(error, images) from None
        try:
            return {
                name: _plain(tf.make_ndarray(value).tolist())
                for name, value in response.outputs.items()
            }
        except (TypeError, ValueError) as error:
            raise ServerError(foreign(self._settings.url, error)) from None

    def signatures(self, seconds):
        """Names of the signatures of the model that was asked for."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._model_spec(), metadata_field=["signature_def"]
        )
        try:
            response = self._predictions.GetModelMetadata(
                request, timeout=seconds
            )
        except grpc.RpcError as error:
            raise self._fault(error) from None
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return sorted(n for n in signatures.signature_def if n[:2] != "__")

    def versions(self, seconds):
        """The model's versions, newest first, with states that matter."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self._settings.model
        try:
            response = self._models.GetModelStatus(request, timeout=seconds)
        except grpc.RpcError as error:
            raise self._fault(error) from None
        states = get_model_status_pb2.ModelVersionStatus.State
        return [
            str(status.version)
            if status.state == states.AVAILABLE
            else f"{status.version} ({states.Name(status.state)})"
            for status in response.model_version_status
        ]

    def _model_spec(self):
        spec = model_pb2.ModelSpec(name=self._settings.model)
        if self._settings.version is not None:
            spec.version.value = self._settings.version
        elif self._settings.label is not None:
            spec.version_label = self._settings.label
        return spec

    def _fault(self, error, images=()):
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


def _plain(value):
    """Nested lists with text in place of UTF-8."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return (
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    )
