"""A gRPC server with TensorFlow Serving's services that follows a script."""

import concurrent.futures
import threading

import grpc
import tensorflow as tf

from export.messages import (
    METADATA,
    PREDICT,
    STATES,
    STATUS,
    GetModelMetadataResponse,
    GetModelStatusResponse,
    PredictResponse,
    SignatureDefMap,
)
from tests.export.client.scripted_rest import classify


class Fault:
    """A scripted answer: a status that is not OK."""

    def __init__(self, code, details="the reason"):
        self.code = code
        self.details = details

    def give(self, request, context):
        context.abort(self.code, self.details)


class Outputs:
    """A scripted answer: {name: what `tf.make_tensor_proto` takes}."""

    def __init__(self, **outputs):
        self.outputs = outputs

    def give(self, request, context):
        response = PredictResponse()
        for name, values in self.outputs.items():
            tensor = tf.make_tensor_proto(values)
            response.outputs[name].CopyFrom(tensor)
        return response


class Predictions:
    """The answer of a working model to the request at hand."""

    def give(self, request, context):
        images = tf.make_ndarray(request.inputs["image_bytes"])
        classes, scores, valid = zip(*map(classify, images), strict=True)
        return Outputs(classes=classes, scores=scores, valid=valid).give(
            request, context
        )


class Slow:
    """Answers when the client has gone, or after some seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def give(self, request, context):
        gone = threading.Event()
        context.add_callback(gone.set)
        gone.wait(self.seconds)
        return Predictions().give(request, context)


class ScriptedGrpcServer(grpc.GenericRpcHandler):
    """Gives the answers of `script`, then those of a working model.

    It offers version 2 of "alexnet" with the signatures `serving_default`
    and `features`, and loads version 3.

    Args:
        options: of `grpc.server`.

    Attributes:
        script: answers to the next requests.
        requests: the `PredictRequest`s that came.
    """

    def __init__(self, *options):
        self.script, self.requests = [], []
        threads = concurrent.futures.ThreadPoolExecutor(4)
        self._server = grpc.server(threads, options=options)
        self._server.add_generic_rpc_handlers([self])
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"grpc://127.0.0.1:{port}"

    def start(self):
        self._server.start()

    def stop(self):
        self._server.stop(grace=None).wait()

    def service(self, call):
        answers = (
            (PREDICT, self.predict),
            (METADATA, self.get_model_metadata),
            (STATUS, self.get_model_status),
        )
        for (path, request, response), answer in answers:
            if call.method == path:
                return grpc.unary_unary_rpc_method_handler(
                    answer,
                    request_deserializer=request.FromString,
                    response_serializer=response.SerializeToString,
                )

    def predict(self, request, context):
        self.requests.append(request)
        answer = self.script.pop(0) if self.script else Predictions()
        return answer.give(request, context)

    def get_model_metadata(self, request, context):
        self._check_model(request.model_spec, context)
        if request.model_spec.version.value not in (0, 2):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such version")
        signatures = SignatureDefMap()
        for name in ("serving_default", "features", "__saved_model_init_op"):
            signatures.signature_def[name].SetInParent()
        response = GetModelMetadataResponse()
        packed = response.metadata["signature_def"]
        packed.Pack(signatures)
        packed.type_url = (
            "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        )
        return response

    def get_model_status(self, request, context):
        self._check_model(request.model_spec, context)
        response = GetModelStatusResponse()
        for version, state in ((3, "LOADING"), (2, "AVAILABLE")):
            response.model_version_status.add(
                version=version, state=STATES[state]
            )
        return response

    def _check_model(self, spec, context):
        if spec.name != "alexnet":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
