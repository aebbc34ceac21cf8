"""The server over HTTP, with models whose runs the tests hold up."""

import contextlib
import gzip
import http.client
import io
import json
import queue
import re
import select
import socket
import threading
import time
import urllib.parse

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from export.server.http.application import METRICS_PATH
from export.server.http.life_cycle import bound_socket, url_of
from export.server.http.limits import Limits
from export.server.http.origins import Origins
from export.server.http.ui_files import BASE_STYLE
from export.server.models.model_manager import ModelManager
from export.server.models.versions import ModelConfig
from export.server.serving_error import ServingError

PREDICT = "/v1/models/m:predict"
MIB = 2**20


class HeldSignature:
    """A signature that answers twice its input, once it is let go."""

    def __init__(self):
        self.input_dtypes = {"x": "float"}
        self.output_dtypes = {"y": "float"}
        self.running = queue.Queue()
        self.go = threading.Semaphore(0)

    def run(self, feeds, seconds):
        self.running.put(len(feeds["x"]))
        assert self.go.acquire(timeout=60)
        if feeds["x"].ndim > 1:
            raise ServingError("a fault inside", "INTERNAL")
        return {"y": 2 * feeds["x"]}

    def let_go(self, times=1):
        self.go.release(times)


@pytest.fixture
def held():
    """The signature of the model `m`."""
    return HeldSignature()


@pytest.fixture
def manager(held, tmp_path):
    """Manager of the one model `m`."""

    class Model:
        def __init__(self, *_):
            self.signatures = {"serving_default": held}
            self.metadata = "{}"

        def close(self):
            pass

    (tmp_path / "m" / "1").mkdir(parents=True)
    made = ModelManager([ModelConfig("m", str(tmp_path / "m"))], Model)
    made.load_all(lambda line: None)
    return made


@pytest.fixture
def ask_later(connect):
    """Function of a URL and a queue that sends a request in a thread.

    (status, JSON, headers) of the answer go to the queue.
    """
    with contextlib.ExitStack() as threads:

        def ask(url, answers):
            client = connect(url)

            def run():
                answer = client.ask("POST", PREDICT, b'{"instances": [1]}')
                answers.put((*answer, client.headers))

            thread = threading.Thread(target=run)
            thread.start()
            threads.callback(thread.join)

        yield ask


def raw_request(url, head, body=b""):
    """A socket on which a request was sent."""
    address = urllib.parse.urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    connection.settimeout(30)
    connection.sendall(head + body)
    return connection


def status_of(connection):
    """Status and JSON of the answer on a socket."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def post_head(length):
    lines = [
        f"POST {PREDICT} HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_no_more_run_and_wait_than_may(
    serving, manager, held, connect, ask_later
):
    with serving(manager, Limits(running=2, waiting=3)) as url:
        answers = queue.Queue()
        for _ in range(9):
            ask_later(url, answers)
        for _ in range(4):  # at once, for the other five are held
            status, answer, headers = answers.get(timeout=10)
            assert status == 503
            assert answer["error"] == "Too many requests are waiting"
            assert headers["Retry-After"] == "1"
        assert [held.running.get(timeout=10) for _ in range(2)] == [1, 1]
        assert connect(url).ask("GET", "/v1/models/m")[0] == 200
        assert held.running.empty()
        held.let_go(5)
        for _ in range(5):
            status, answer, _ = answers.get(timeout=10)
            assert (status, answer) == (200, {"predictions": [2.0]})
        held.let_go()
        assert connect(url).ask("POST", PREDICT, b'{"inputs": [1]}')[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit(serving, manager, connect, chunked):
    body = b" " * (2 * MIB)
    with serving(manager, Limits(body_bytes=MIB)) as url:
        client = connect(url)
        status, answer = client.ask(
            "POST", PREDICT, iter([body]) if chunked else body
        )
        assert status == 413
        assert answer == {"error": f"The request body is over {MIB} bytes"}
        assert connect(url).ask("POST", PREDICT, b" " * MIB)[0] == 400


def test_a_body_that_unpacks_to_more_than_the_limit(
    serving, manager, held, connect
):
    packed = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(b'{"instances": [1]}' + b" " * (200 * MIB))
    small = gzip.compress(b'{"instances": [1]}' + b" " * (MIB // 2))
    with serving(manager, Limits(body_bytes=MIB)) as url:
        client = connect(url)
        assert len(bomb) < MIB
        status, answer = client.ask("POST", PREDICT, bomb, packed)
        assert (status, list(answer)) == (413, ["error"])
        held.let_go()
        assert client.ask("POST", PREDICT, small, packed)[0] == 200
        cut_off = client.ask("POST", PREDICT, small[:-9], packed)
        assert cut_off == (
            400,
            {"error": "JSON Parse error: The document is empty"},
        )


def test_a_slow_client_holds_up_no_one(serving, manager, held, connect):
    limits = Limits(running=1, waiting=0, body_rate=1000, body_window=4)
    with serving(manager, limits) as url:
        slow = [raw_request(url, post_head(100), b"{") for _ in range(20)]
        begin = time.monotonic()
        client = connect(url)
        held.let_go(2)
        assert client.ask("POST", PREDICT, b'{"instances": [1]}')[0] == 200
        assert time.monotonic() - begin < 3
        for connection in slow:
            assert status_of(connection) == (
                408,
                {"error": "The request body came at less than 1000 bytes/s"},
            )
            assert connection.recv(1) == b""  # it is closed
            connection.close()


def test_a_body_may_take_its_time_at_the_rate(serving, manager, held):
    limits = Limits(body_rate=1000, body_window=0.3, seconds=0.5)
    body = b'{"instances": [1]}'.ljust(2000)
    with serving(manager, limits) as url:
        connection = raw_request(url, post_head(len(body)))
        for i in range(0, len(body), 200):
            time.sleep(0.1)
            connection.sendall(body[i : i + 200])
        held.let_go()
        assert status_of(connection) == (200, {"predictions": [2.0]})
        connection.close()
        # It slackens, though its average is far above the rate.
        connection = raw_request(url, post_head(MIB), b" " * (MIB // 2))
        begin = time.monotonic()
        assert status_of(connection)[0] == 408
        assert time.monotonic() - begin < 10
        connection.close()


def test_announced_bytes_take_no_room(serving, manager, held, connect):
    limits = Limits(body_bytes=MIB, memory_bytes=MIB, waiting=0, running=1)
    with serving(manager, limits) as url:
        announced = [raw_request(url, post_head(MIB)) for _ in range(66)]
        held.let_go()
        body = b'{"instances": [1]}'.ljust(MIB // 2)
        assert connect(url).ask("POST", PREDICT, body)[0] == 200
        for connection in announced:
            connection.close()


def test_the_largest_unfinished_body_gives_way(serving, manager, held, connect):
    limits = Limits(body_bytes=MIB, memory_bytes=MIB)
    with serving(manager, limits) as url:
        small = raw_request(url, post_head(MIB), b" " * (MIB // 4))
        large = raw_request(url, post_head(MIB), b" " * (MIB // 2))
        time.sleep(0.2)
        body = b'{"instances": [1]}'.ljust(MIB * 3 // 8)
        held.let_go(2)
        assert connect(url).ask("POST", PREDICT, body)[0] == 200
        large.sendall(b" ")
        assert status_of(large)[0] == 503
        body = b'{"instances": [1]}'.ljust(MIB * 3 // 4)
        small.sendall(body)
        assert status_of(small) == (200, {"predictions": [2.0]})
        for connection in (small, large):
            connection.close()


def test_bodies_over_all_room_are_refused(serving, manager, held, connect):
    limits = Limits(body_bytes=MIB, memory_bytes=MIB, running=1)
    body = b'{"instances": [1]}'.ljust(MIB * 3 // 4)
    with serving(manager, limits) as url:
        first = raw_request(url, post_head(len(body)), body)
        held.running.get(timeout=10)
        client = connect(url)
        assert client.ask("POST", PREDICT, body)[0] == 503
        assert client.headers["Retry-After"] == "1"
        held.let_go(2)
        assert status_of(first)[0] == 200
        assert connect(url).ask("POST", PREDICT, body)[0] == 200
        first.close()


def test_a_run_beyond_the_time(serving, manager, held, connect):
    limits = Limits(running=1, waiting=0, seconds=0.5)
    with serving(manager, limits) as url:
        client = connect(url)
        status, answer = client.ask("POST", PREDICT, b'{"instances": [1]}')
        assert status == 504
        assert answer == {"error": "No answer within 0.5 s"}
        # It still runs and keeps its place, so that no more than one does.
        assert client.ask("POST", PREDICT, b"{}")[0] == 503
        held.let_go(2)
        end = time.monotonic() + 10
        while client.ask("POST", PREDICT, b'{"instances": [1]}')[0] == 503:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_client_that_goes_away_frees_its_place(
    serving, manager, held, ask_later, connect
):
    with serving(manager, Limits(running=1, waiting=1)) as url:
        answers = queue.Queue()
        ask_later(url, answers)
        held.running.get(timeout=10)
        body = b'{"instances": [1, 2]}'
        others = [
            raw_request(url, post_head(len(body)), body) for _ in range(3)
        ]
        # Two of them are sent away, so the third is waiting.
        refused, _, _ = select.select(others, [], [], 10)
        while len(refused) < 2:
            refused, _, _ = select.select(others, [], [], 10)
        assert [status_of(c)[0] for c in refused] == [503, 503]
        for connection in others:
            connection.close()
        body = b'{"instances": [1]}'
        refused = True
        while refused:  # until the server has noticed
            last = raw_request(url, post_head(len(body)), body)
            refused, _, _ = select.select([last], [], [], 0.3)
        held.let_go(2)
        assert answers.get(timeout=10)[0] == 200
        assert status_of(last)[0] == 200
        last.close()
        assert held.running.get(timeout=10) == 1
        assert held.running.empty()  # the one that went away never ran


@pytest.mark.parametrize(
    "request_",
    [
        b"garbage\r\n\r\n",
        60_000 * b"x",
        b"GET /v1/models/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nno number\r\n",
    ],
)
def test_broken_http_is_no_fault_of_the_server(
    serving, manager, connect, capfd, request_
):
    with serving(manager, Limits()) as url:
        connection = raw_request(url, request_)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 400
        assert len(answer.read()) < 300
        connection.close()
        # One that ends in the midst of its body:
        raw_request(url, post_head(100), b"{").close()
        assert connect(url).ask("GET", "/v1/models/m")[0] == 200
    assert capfd.readouterr().err == ""


def test_faults_keep_their_traceback(serving, manager, held, connect, capsys):
    with serving(manager, Limits()) as url:
        client = connect(url)
        held.let_go()
        answer = client.ask("POST", PREDICT, b'{"instances": [[1]]}')
        assert answer == (500, {"error": "a fault inside"})
        assert "INTERNAL: a fault inside" in capsys.readouterr().err
        held.run = None
        status, answer = client.ask("POST", PREDICT, b'{"instances": [1]}')
        assert status == 500
        assert answer == {"error": "TypeError, see the server's log"}
        assert "Traceback" in capsys.readouterr().err


def test_half_of_a_million_levels(serving, manager, connect):
    deep = 500_000 * b"[" + 500_000 * b"]"
    objects = 500_000 * b'{"a":' + b"1" + 500_000 * b"}"
    with serving(manager, Limits()) as url:
        client = connect(url)
        for body in (b'{"inputs": %b}' % deep, objects):
            status, answer = client.ask("POST", PREDICT, body)
            assert status == 400
            assert "nested deeper than 100 levels" in answer["error"]


def test_an_answer_names_the_server(serving, manager, connect):
    with serving(manager, Limits()) as url:
        client = connect(url)
        for path in ("/v1/models/m", "/v1/models/x", "/v1/models/m/metadata"):
            client.ask("GET", path)
            assert "not TensorFlow Serving" in client.headers["Server"]
            assert client.headers["Content-Type"] == "application/json"
            assert "Access-Control-Allow-Origin" not in client.headers


@pytest.mark.parametrize("path", ["/v1/models/m", "/ui/", "/elsewhere"])
@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Host": "evil.example"}, "evil.example"),
        ({"Host": "localhost.evil.example:80"}, "--host"),
        ({"Host": "192.0.2.1"}, "--host"),
        ({"Host": "[::1"}, "--host"),
        ({"Origin": "http://evil.example"}, "evil.example"),
        ({"Origin": "https://localhost"}, "--allow_origin"),
        ({"Origin": "null"}, "--allow_origin"),
        ({"Origin": "http://" + 4000 * "a"}, "more characters"),
    ],
)
def test_foreign_pages_are_refused(
    serving, manager, connect, path, headers, word
):
    with serving(manager, Limits()) as url:
        client = connect(url)
        for method in ("GET", "POST", "OPTIONS"):
            status, answer = client.ask(method, path, headers=headers)
            assert status == 403
            assert word in answer["error"]
            assert len(answer["error"]) < 400
            assert "Access-Control-Allow-Origin" not in client.headers


def test_own_pages_and_names_are_answered(serving, manager, connect):
    with serving(manager, Limits()) as url:
        port = urllib.parse.urlsplit(url).port
        for host in (f"localhost:{port}", "LOCALHOST", "127.0.0.9", "[::1]:5"):
            headers = {"Host": host, "Origin": f"http://{host.lower()}"}
            for given in (headers, {"Host": host}):
                answer = connect(url).ask("GET", "/v1/models/m", headers=given)
                assert answer[0] == 200


@pytest.mark.parametrize("allowed", ["https://Example.org", "*"])
def test_a_page_that_is_allowed(serving, manager, connect, allowed):
    origins = Origins("127.0.0.1", (allowed,))
    headers = {"Origin": "https://example.org"}
    with serving(manager, Limits(), origins) as url:
        client = connect(url)
        assert client.ask("GET", "/v1/models/m", headers=headers)[0] == 200
        allowing = client.headers["Access-Control-Allow-Origin"]
        assert allowing == "https://example.org"
        client.connection.request("OPTIONS", PREDICT, headers=headers)
        preflight = client.connection.getresponse()
        preflight.read()
        assert preflight.status == 200
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        headers["Host"] = "example.org"  # a proxy on this machine passes it
        assert client.ask("GET", "/v1/models/m", headers=headers)[0] == 200
        foreign = {"Origin": "https://example.org.evil.example"}
        status, _ = connect(url).ask("GET", "/v1/models/m", headers=foreign)
        assert status == (200 if allowed == "*" else 403)


def test_a_server_for_others_has_any_name(serving, manager, connect):
    with serving(manager, Limits(), Origins("0.0.0.0")) as url:
        headers = {"Host": "photos.example:80"}
        answer = connect(url).ask("GET", "/v1/models/m", headers=headers)
        assert answer[0] == 200
        headers["Origin"] = "http://evil.example"
        answer = connect(url).ask("GET", "/v1/models/m", headers=headers)
        assert answer[0] == 403


@pytest.mark.parametrize(
    "origins",
    [
        "example.org",
        "https://a/b",
        "",
        "a://",
        "ftp://example.org",
        "https://*.example.org",
        "https://*",
        "https://someone@example.org",
        "https://example.org:port",
        "https://bücher.example",
        "*,https://example.org",
        "https://example.org,",
    ],
)
def test_what_is_no_origin(origins):
    with pytest.raises(UserError, match=r"--allow_origin=.*: give each as"):
        Origins("localhost", tuple(origins.split(",")))


def test_names_of_this_machine_are_answered(
    serving, manager, connect, monkeypatch
):
    monkeypatch.setattr(socket, "gethostname", lambda: "Desk")
    monkeypatch.setattr(socket, "getfqdn", lambda: "desk.example.org")
    origins = Origins("127.0.0.1")
    time.sleep(0.1)  # the full name is asked for in a thread
    with serving(manager, Limits(), origins) as url:
        client = connect(url)
        for host, status in {
            "localhost.:80": 200,
            "desk": 200,
            "DESK.": 200,
            "desk.example.org:80": 200,
            "desk.example.com": 403,
            "esk": 403,
            "localhost..": 403,
            ".": 403,
        }.items():
            headers = {"Host": host}
            answer = client.ask("GET", "/v1/models/m", headers=headers)
            assert answer[0] == status, host


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_address_of_a_server_for_others(host, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "desk")
    with bound_socket(host, 0) as bound:
        assert url_of(bound) == f"http://desk:{bound.getsockname()[1]}"


def test_the_page(serving, manager, connect, tmp_path, monkeypatch):
    pages = {"index.html": "html", "ui.css": "css", "ui.js": "javascript"}
    for name in pages:
        (tmp_path / name).write_text(json.dumps(name))
    (tmp_path / "secret").write_text("1")
    monkeypatch.setattr("export.server.http.ui_files.FOLDER", tmp_path)
    with serving(manager, Limits()) as url:
        client = connect(url)
        for name, kind in pages.items():
            path = "" if name == "index.html" else name
            assert client.ask("GET", f"/ui/{path}") == (200, name)
            headers = client.headers
            assert headers["Content-Type"] == f"text/{kind}; charset=utf-8"
            assert headers["X-Content-Type-Options"] == "nosniff"
            policy = headers["Content-Security-Policy"]
            assert "default-src 'self'; img-src 'self' blob: data:;" in policy
        client.connection.request("GET", "/ui/base.css")
        response = client.connection.getresponse()
        assert response.read() == BASE_STYLE.read_bytes()
        assert response.headers["Content-Type"] == "text/css; charset=utf-8"
        for path in ("secret", "../secret", "index.html", "%2e%2e/secret"):
            client.connection.request("GET", f"/ui/{path}")
            response = client.connection.getresponse()
            assert (response.status, response.read()[:1]) != (200, b"1")
            assert response.status == 404
        for path in ("/ui", "/"):
            client.connection.request("GET", path)
            response = client.connection.getresponse()
            response.read()
            assert response.status == 308
            assert response.headers["Location"] == "/ui/"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/m",
        "/v1/models/m/metadata",
        "/v1/models/n",
        "/ui/",
        "/healthz",
        METRICS_PATH,
        "/",
    ],
)
def test_head_is_get_without_a_body(serving, manager, connect, path):
    with serving(manager, Limits()) as url:
        answers = []
        for method in ("GET", "HEAD"):
            connection = connect(url).connection
            connection.request(method, path)
            response = connection.getresponse()
            headers = dict(response.headers)
            del headers["Date"]
            if path == METRICS_PATH:  # the first request is counted
                del headers["Content-Length"]
            answers.append((response.status, headers))
            assert bool(response.read()) == (method == "GET")
        assert answers[0] == answers[1]


def test_a_line_for_each_request(serving, manager, held, connect):
    log = io.StringIO()
    with serving(manager, Limits(), log=log) as url:
        client = connect(url)
        held.let_go(2)
        client.ask("POST", PREDICT, b'{"instances": [1, 2, 3]}')
        client.ask("POST", PREDICT, b'{"inputs": [1]}')
        client.ask("POST", PREDICT, b"{}")
        client.ask("GET", "/v1/models/" + 5000 * "x")
        client.ask("GET", "/v1/models/m", headers={"Origin": "http://a"})
        client.connection.request("GET", "/")
        client.connection.getresponse().read()
    pattern = re.compile(
        r"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}) 127\.0\.0\.1 "
        r"(\S+ /.*) (\d{3}) (\d+\.\d{3}) s(.*)"
    )
    lines = [pattern.fullmatch(x) for x in log.getvalue().splitlines()]
    told = [(line[2], line[3], line[5]) for line in lines]
    assert [*told[:3], *told[4:]] == [
        (f"POST {PREDICT}", "200", " 3 images"),
        (f"POST {PREDICT}", "200", " 1 image"),
        (f"POST {PREDICT}", "400", ""),
        ("GET /v1/models/m", "403", ""),
        ("GET /", "308", ""),
    ]
    assert told[3][0].endswith("... (4811 more characters)")


def test_metrics(serving, manager, held, connect):
    with serving(manager, Limits()) as url:
        client = connect(url)
        held.let_go(2)
        assert client.ask("POST", PREDICT, b'{"inputs": [1, 2]}')[0] == 200
        assert client.ask("POST", PREDICT, b'{"inputs": [1]}')[0] == 200
        client.ask("POST", PREDICT, b"{}")
        client.ask("POST", '/v1/models/"n:classify', b'{"examples": [1]}')
        client.connection.request("GET", METRICS_PATH)
        text = client.connection.getresponse().read().decode()
    # What Prometheus' format 0.0.4 has: a name, labels, a number.
    label = r'[A-Za-z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
    sample = rf"([A-Za-z_:][\w:]*{{{label}(?:,{label})*}}) ([0-9.e+]+|\+Inf)"
    samples = {}
    for line in text.splitlines():
        if not re.fullmatch(r"# TYPE [\w:]+ (counter|histogram)", line):
            key, value = re.fullmatch(sample, line).groups()
            assert key not in samples
            samples[key] = float(value)
    name = ":tensorflow:serving:request_"
    labels = 'model_name="m",API="predict",entrypoint="REST"'
    assert (
        samples.items()
        >= {
            f'{name}count{{model_name="m",status="OK"}}': 2,
            f'{name}count{{model_name="m",status="INVALID_ARGUMENT"}}': 1,
            f'{name}count{{model_name="",status="INVALID_ARGUMENT"}}': 1,
            f'{name}example_count_total{{model="m"}}': 3,
            f"{name}latency_count{{{labels}}}": 3,
            f'{name}latency_bucket{{{labels},le="10"}}': 0,
            f'{name}latency_bucket{{{labels},le="+Inf"}}': 3,
            'alexnet_dev_http_responses_total{code="200"}': 2,
            'alexnet_dev_http_responses_total{code="400"}': 2,
        }.items()
    )
    assert 0 < samples[f"{name}latency_sum{{{labels}}}"] < 3e7


def test_health(serving, held, connect, tmp_path):
    (tmp_path / "m" / "1").mkdir(parents=True)
    go = threading.Event()

    class Model:
        def __init__(self, *_):
            assert go.wait(20)
            self.signatures = {"serving_default": held}

    manager = ModelManager([ModelConfig("m", str(tmp_path / "m"))], Model)
    manager.discover()
    with serving(manager, Limits()) as url:
        client = connect(url)

        def health():
            client.connection.request("GET", "/healthz")
            response = client.connection.getresponse()
            return response.status, response.read()

        def state():
            _, answer = client.ask("GET", "/v1/models/m")
            return answer["model_version_status"][0]["state"]

        assert (health(), state()) == ((503, b"no version yet: m\n"), "START")
        load = threading.Thread(target=manager.load_all, args=(print,))
        load.start()
        while state() == "START":
            time.sleep(0.01)
        assert state() == "LOADING"
        answer = client.ask("POST", PREDICT, b'{"inputs": [1]}')
        assert answer == (503, {"error": "m is still loading"})
        assert client.headers["Retry-After"] == "1"
        go.set()
        load.join()
        assert (health(), state()) == ((200, b"ok\n"), "AVAILABLE")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/" + 5000 * "x", None),
        ("/v1/models/m/labels/" + 5000 * "x" + "/metadata", None),
        ("/v1/models/m/labels/" + 5000 * "x" + ":predict", b'{"inputs": 1}'),
        ("/v1/" + 5000 * "x", None),
        ("/v1/models/" + 5000 * "x" + ":predict", b'{"inputs": 1}'),
        (PREDICT, b'{"signature_name": "%b", "inputs": 1}' % (MIB * b"x")),
        (PREDICT, b'{"inputs": ["%b"]}' % (MIB * b"x")),
        (PREDICT, b'{"%b": 1}' % (MIB * b"x")),
        (PREDICT, b'{"instances": [{"%b": 1}]}' % (MIB * b"x")),
        (PREDICT, b'"%b"' % (MIB * b"x")),
        (PREDICT, b"9" * MIB),
    ],
)
def test_an_error_repeats_little_of_a_request(
    serving, manager, connect, path, body
):
    method = "POST" if body else "GET"
    with serving(manager, Limits()) as url:
        status, answer = connect(url).ask(method, path, body)
    assert status in (400, 404)
    for letter in "x9":
        assert answer["error"].count(letter) < 210


def test_an_array_of_floats_is_exact(serving, manager, held, connect):
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    body = json.dumps({"inputs": values.tolist()})
    with serving(manager, Limits()) as url:
        held.let_go()
        status, answer = connect(url).ask("POST", PREDICT, body)
    assert status == 200
    assert (np.float32(answer["outputs"]) == 2 * values).all()
