"""REST: paths, bodies, repeats and faults, against scripted servers."""

import email.utils
import json
import socket
import threading
import time

import pytest

from export.client import ServerError, predict
from tests.export.client.asking import ask, fault
from tests.export.client.scripted_rest import (
    METADATA,
    Answer,
    Predictions,
    Raw,
    Reset,
    ScriptedServer,
    Slow,
)

BUSY = Answer(503, {"error": "Servable is being loaded"})
HTML = Answer(404, b"<html><b>Not Found</b></html>", "text/html")


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, "/v1/models/alexnet:predict"),
        ({"version": 7}, "/v1/models/alexnet/versions/7:predict"),
        ({"label": "stable"}, "/v1/models/alexnet/labels/stable:predict"),
        ({"model": "a b/ü"}, "/v1/models/a%20b%2F%C3%BC:predict"),
    ],
)
def test_the_servable_is_in_the_path(server, settings, path):
    ask(server, **settings)
    assert [post[0] for post in server.posts] == [path]


def test_a_gateway_may_put_a_path_before(server):
    predict([b"cat"], url=f"{server.url}/serving/")
    assert server.posts[0][0] == "/serving/v1/models/alexnet:predict"


def test_the_body_names_signature_and_input(server):
    content = bytes(range(256))
    server.script = [HTML]
    with pytest.raises(ServerError):
        ask(server, [content], signature="best")
    [(_, rest, images)] = server.posts
    assert rest == {"signature_name": "best", "inputs": {}}
    assert images == [content]


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_busy_server_is_asked_again(server, status):
    server.script = [Answer(status, b"later", "text/plain")] * 2
    assert ask(server)[0].classes[0] == "cat"
    assert [images for _, _, images in server.posts] == [[b"cat"]] * 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 501, 502])
def test_other_failures_are_final(server, status):
    server.script = [Answer(status, {"error": "the reason"})]
    assert "the reason" in fault(server)
    assert len(server.posts) == 1


def test_a_server_that_stays_busy(server):
    server.script = [BUSY] * 9
    told = fault(server, retries=2)
    assert "HTTP 503 Service Unavailable: Servable is being loaded" in told
    assert "tried 3 times" in told
    assert len(server.posts) == 3


def test_retry_after_is_waited(server):
    server.script = [Answer(503, Retry_After="1")]
    ask(server)
    first, second = server.times
    assert 1 <= second - first < 3


def test_retry_after_may_be_a_date(server):
    date = email.utils.formatdate(time.time() + 2, usegmt=True)
    server.script = [Answer(429, Retry_After=date)]
    ask(server)
    first, second = server.times
    assert 0.5 < second - first < 4  # dates have whole seconds


@pytest.mark.parametrize("value", ["0", "soon", "-5", "1e9999", ""])
def test_other_values_of_retry_after_do_not_keep_one_waiting(server, value):
    server.script = [Answer(503, Retry_After=value)]
    ask(server)
    first, second = server.times
    assert second - first < 1


def test_retry_after_beyond_the_timeout_is_not_waited_for(server):
    server.script = [Answer(503, Retry_After="120")]
    start = time.monotonic()
    assert "it asks to wait 120 s" in fault(server, timeout=30)
    assert time.monotonic() - start < 5


def test_connections_that_break_are_made_anew(server):
    server.script = [
        Reset(),
        Raw(b""),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    ]
    assert ask(server)[0].classes[0] == "cat"
    assert len(server.posts) == 4


def test_a_connection_that_breaks_always(server):
    server.script = [Reset()] * 9
    told = fault(server, retries=1)
    assert server.url in told
    assert "Connection reset by peer" in told


def test_a_server_that_starts_late_is_found(free_port):
    late = ScriptedServer(free_port)
    late.server_close()  # nothing listens
    started = []

    def start():
        started.append(ScriptedServer(free_port))
        started[0].start()

    timer = threading.Timer(0.3, start)
    timer.start()
    try:
        predictions = ask(late, first_wait=0.4, retries=5)
    finally:
        timer.join()
        started[0].stop()
    assert predictions[0].classes[0] == "cat"


def test_no_server(free_port):
    url = f"http://127.0.0.1:{free_port}"
    with pytest.raises(ServerError) as caught:
        predict([b"cat"], url=url, retries=1, first_wait=0.01)
    told = str(caught.value)
    assert f"no server answers at {url} (Connection refused)" in told
    assert "python main.py --mode=serve" in told
    assert "make serve" in told
    assert "tried 2 times" in told


def test_a_host_without_a_name_is_not_looked_up_again():
    with pytest.raises(ServerError, match="no server answers") as caught:
        predict([b"cat"], url="http://host.invalid:1", retries=9)
    assert "tried" not in str(caught.value)


def test_a_host_that_takes_no_connection():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]  # nobody accepts them
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(address)
        with pytest.raises(ServerError, match=r"no server answers at .*timed"):
            predict([b"cat"], url=f"http://127.0.0.1:{address[1]}", timeout=0.3)
        for connection in waiting:
            connection.close()


def test_a_slow_server_ends_at_the_timeout(server):
    server.script = [Slow(1.5)]
    start = time.monotonic()
    told = fault(server, timeout=0.5)
    assert time.monotonic() - start < 1.2
    assert "no answer in time" in told
    assert "tried once in 0.5 s" in told


def test_an_answer_that_stalls_ends_at_the_timeout(server):
    stalled = Slow(1.5)
    stalled.give = lambda handler: (
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        time.sleep(1.5),
    )
    server.script = [stalled]
    assert "no answer in time" in fault(server, timeout=0.5)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HTML, "HTTP 404 Not Found, text/html"),
        (Answer(200, b"hello", "text/plain"), "HTTP 200 OK, text/plain"),
        (Answer(200, b"{", "application/json"), "application/json"),
        (Answer(200, b"[" * 100_000), "application/json"),
        (Answer(200, b"9" * 10_000), "application/json"),
        (Answer(200, b"\xff\xfe\x00"), "application/json"),
        (Answer(200, {"predictions": []}), "application/json"),
        (Answer(200, [1, 2]), "application/json"),
        (Answer(404, {"error": 3}), "HTTP 404"),
        (Answer(502, b"bad gateway", "text/html"), "HTTP 502 Bad Gateway"),
        (Raw(b"SSH-2.0-OpenSSH_9.9\r\n"), "SSH-2.0"),
        (Raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), ""),
    ],
)
def test_what_is_not_tensorflow_serving(server, answer, told):
    server.script = [answer]
    line = fault(server)
    assert f"{server.url} does not answer as TensorFlow Serving does" in line
    assert told in line
    assert len(server.posts) == 1


def test_a_redirect_is_told(server):
    server.script = [Answer(301, Location="https://example.org/v1")]
    assert "redirects to https://example.org/v1" in fault(server)


def test_a_request_too_large_for_the_server(server):
    server.script = [Answer(413, b"413: Too Large", "text/plain")] * 2
    images = [b"1" * 1_500_000, b"2" * 1_500_000]
    assert fault(server, images) == (
        f"{server.url} takes no 2 images as large as 3.0 MB together: lower "
        "the batch size"
    )
    told = fault(server, images[:1])
    assert told == f"{server.url} takes no image as large as 1.5 MB"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("Input is empty.", "Input is empty."),
        ("assertion failed: [at most 128 images]", "at most 128 images"),
    ],
)
def test_a_refusal_of_a_batch_blames_no_image(
    server, tmp_path, reason, sentence
):
    files = [tmp_path / f"{name}.jpg" for name in ("cat", "dog")]
    for file in files:
        file.write_bytes(file.stem.encode())
    reason += "\n\t [[{{function_node f}}{{node decode}}]]"
    server.script = [Answer(400, {"error": reason})]
    told = fault(server, files)
    assert told == (f"{server.url} refused a request of 2 images: {sentence}")


def test_a_long_refusal_is_cut(server):
    server.script = [Answer(400, {"error": "x" * 200_000})]
    assert len(fault(server)) < 500


def test_an_unknown_model_is_told(server):
    reason = "Servable not found for request: Latest(vgg)"
    server.script = [Answer(404, {"error": reason})]
    for path in ("/v1/models/vgg", "/v1/models/vgg/metadata"):
        server.questions[path] = Answer(404, {"error": "no such model"})
    told = fault(server, model="vgg")
    assert f"{reason} (the server has no model vgg)" in told


@pytest.mark.parametrize(
    ("settings", "part"),
    [({"version": 7}, "versions/7"), ({"label": "stable"}, "labels/stable")],
)
def test_the_versions_are_told_where_one_is_unknown(server, settings, part):
    reason = "Servable not found for request: Specific(alexnet, 7)"
    server.script = [Answer(404, {"error": reason})]
    path = f"/v1/models/alexnet/{part}/metadata"
    server.questions[path] = Answer(404, {"error": reason})
    assert fault(server, **settings).endswith(
        f"{reason} (model alexnet has the versions 3 (LOADING), 2)"
    )


def test_the_signatures_are_told_where_one_is_unknown(server):
    reason = 'Serving signature name: "best" not found in signature def'
    server.script = [Answer(400, {"error": reason})]
    assert fault(server, signature="best").endswith(
        f"{reason} (model alexnet has the signatures features, serving_default)"
    )


@pytest.mark.parametrize(
    "useless",
    [HTML, BUSY, Reset(), Answer(body={"metadata": 3}), Answer(body=METADATA)],
)
def test_a_refusal_is_told_whatever_becomes_of_further_questions(
    server, useless
):
    server.script = [Answer(400, {"error": "the reason"})]
    server.questions = {"/v1/models/alexnet/metadata": useless}
    assert fault(server).endswith("refused a request of 1 image: the reason")
    assert server.asked == ["/v1/models/alexnet/metadata"]


def test_the_connection_is_kept_for_all_requests(server):
    seen = []
    answer = Predictions()
    give = answer.give
    answer.give = lambda handler: (
        seen.append(handler.client_address),
        give(handler),
    )
    server.script = [answer] * 3
    ask(server, [b"1", b"2", b"3"], batch_size=1)
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_numbers_that_strict_json_does_not_know(server):
    outputs = (
        '{"outputs": {"classes": [["a"]], "scores": [[NaN]], "valid": [true]}}'
    )
    server.script = [Answer(body=outputs.encode())]
    [prediction] = ask(server)
    assert json.dumps(prediction.probabilities) == "[NaN]"
