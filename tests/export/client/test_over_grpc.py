"""gRPC: the same predictions and errors as over REST."""

import socket
import threading
import time

import grpc
import numpy as np
import pytest

from export.client import Prediction, ServerError, predict
from export.client.prediction import NOT_VALID
from tests.export.client.asking import ask, fault
from tests.export.client.scripted_grpc import (
    Fault,
    Outputs,
    ScriptedGrpcServer,
    Slow,
)

CODES = grpc.StatusCode


@pytest.fixture
def server():
    """A `ScriptedGrpcServer` that runs, for messages of any size."""
    scripted = ScriptedGrpcServer(("grpc.max_receive_message_length", -1))
    scripted.start()
    yield scripted
    scripted.stop()


def test_predictions_are_those_over_rest(server, tmp_path):
    cat = tmp_path / "cat.jpg"
    cat.write_bytes(b"cat")
    images = [cat, b"bad", tmp_path / "absent", "dög".encode()]
    assert ask(server, images, batch_size=2) == [
        Prediction(str(cat), ("cat", "other"), (0.75, 0.25)),
        Prediction(None, error=NOT_VALID),
        Prediction(str(images[2]), error="No such file or directory"),
        Prediction(None, ("dög", "other"), (0.75, 0.25)),
    ]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("settings", "version", "label"),
    [
        ({}, None, ""),
        ({"version": 0}, 0, ""),
        ({"version": 7}, 7, ""),
        ({"label": "stable"}, None, "stable"),
    ],
)
def test_the_request_names_the_servable(server, settings, version, label):
    ask(server, model="vgg", signature="best", **settings)
    [request] = server.requests
    spec = request.model_spec
    assert (spec.name, spec.signature_name) == ("vgg", "best")
    assert spec.version_label == label
    if version is None:
        assert not spec.HasField("version")
    else:
        assert spec.version.value == version
    assert list(request.inputs) == ["image_bytes"]


def test_large_messages_pass(server):
    image = b"bad" + b"x" * 10_000_000  # gRPC's own limit is 4 MB
    many = np.full([1, 1_500_000], 0.5, np.float32)
    server.script = [
        Outputs(classes=np.full(many.shape, b"name"), scores=many, valid=[True])
    ]
    [prediction] = ask(server, [image])
    assert len(prediction.probabilities) == many.size
    [request] = server.requests
    assert list(request.inputs["image_bytes"].string_val) == [image]


@pytest.mark.parametrize(
    "code",
    [CODES.UNAVAILABLE, CODES.RESOURCE_EXHAUSTED, CODES.DEADLINE_EXCEEDED],
)
def test_a_busy_server_is_asked_again(server, code):
    server.script = [Fault(code)] * 2
    assert ask(server)[0].classes[0] == "cat"
    assert len(server.requests) == 3


def test_a_server_that_stays_busy(server):
    server.script = [Fault(CODES.UNAVAILABLE, "being loaded")] * 9
    told = fault(server, retries=2)
    assert f"{server.url} is busy, UNAVAILABLE: being loaded" in told
    assert "tried 3 times" in told


@pytest.mark.parametrize(
    "code", [CODES.INTERNAL, CODES.UNIMPLEMENTED, CODES.INVALID_ARGUMENT]
)
def test_other_failures_are_final(server, code):
    server.script = [Fault(code)]
    assert "the reason" in fault(server)
    assert len(server.requests) == 1


def test_a_slow_server_ends_at_the_timeout(server):
    server.script = [Slow(5)]
    start = time.monotonic()
    told = fault(server, timeout=0.5)
    assert time.monotonic() - start < 2
    assert "no answer in time" in told


def test_no_server(free_port):
    url = f"grpc://127.0.0.1:{free_port}"
    with pytest.raises(ServerError) as caught:
        predict([b"cat"], url=url, retries=1, first_wait=0.01)
    told = str(caught.value)
    assert f"no server answers at {url}" in told
    assert "make serve" in told
    assert "--mode=serve" not in told  # it has no gRPC
    assert "tried 2 times" in told


def test_a_host_without_a_name_is_not_looked_up_again():
    with pytest.raises(ServerError, match="no server answers") as caught:
        predict([b"cat"], url="grpc://host.invalid:1", retries=9)
    assert "tried" not in str(caught.value)


def test_a_server_that_starts_late_is_found(server):
    late = ScriptedGrpcServer()  # its port is taken, but it does not answer
    timer = threading.Timer(0.3, late.start)
    timer.start()
    try:
        assert ask(late, first_wait=0.4, retries=5)[0].classes[0] == "cat"
    finally:
        timer.join()
        late.stop()


def test_something_else_at_the_address():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"grpc://127.0.0.1:{listener.getsockname()[1]}"

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ServerError, match=url):
            predict([b"cat"], url=url, retries=0, timeout=5)
        thread.join()


def test_a_request_too_large_for_the_server():
    small = ScriptedGrpcServer(("grpc.max_receive_message_length", 1000))
    small.start()
    try:
        told = fault(small, [b"x" * 600_000] * 2)
    finally:
        small.stop()
    assert "takes no 2 images as large as 1.2 MB together" in told
    assert "tried" not in told


def test_a_refusal_of_a_batch_blames_no_image(server):
    server.script = [
        Fault(CODES.INVALID_ARGUMENT, "Input is empty.\n\t [[{{n}}")
    ]
    told = fault(server, [b"cat", b"dog"])
    assert told == (
        f"{server.url} refused a request of 2 images: Input is empty."
    )


@pytest.mark.parametrize(
    ("settings", "offer"),
    [
        ({"model": "vgg"}, "the server has no model vgg"),
        ({"version": 7}, "model alexnet has the versions 3 (LOADING), 2"),
        (
            {"signature": "best"},
            "model alexnet has the signatures features, serving_default",
        ),
    ],
)
def test_what_the_server_offers_is_told(server, settings, offer):
    server.script = [Fault(CODES.NOT_FOUND)]
    assert fault(server, **settings).endswith(f"the reason ({offer})")


@pytest.mark.parametrize(
    "outputs",
    [
        {"classes": [["a"]], "scores": [[0.5]], "valid": [1]},
        {"classes": [["a"]], "scores": [[0.5]] * 2, "valid": [True]},
        {"classes": [["a"]], "scores": 0.5, "valid": [True]},
    ],
)
def test_outputs_that_do_not_fit_are_told(server, outputs):
    server.script = [Outputs(**outputs)]
    assert "does not answer as TensorFlow Serving does" in fault(server)


def test_another_signature_is_told_by_its_outputs(server):
    server.script = [Outputs(features=[[0.0]], crops=[[b"\xff\xd8"]])]
    assert "answers crops, features;" in fault(server)
