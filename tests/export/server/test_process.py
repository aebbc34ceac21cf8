"""`python main.py --mode=serve` as a process, with real models."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf

from alexnet_tf.errors import BAD_INPUT, UserError
from alexnet_tf.options import Options
from export.wait_until_available import wait_until_available
from modes import serve
from tests.contract.local_server import ROOT, LocalServer
from tests.slow import slow


def add_version(base, number, source):
    """As an export does: complete, by one rename."""
    aside = base.parent / "aside"
    shutil.copytree(source, aside)
    aside.rename(base / str(number))


@pytest.fixture
def base(tmp_path, toys):
    """Base folder of a model `toy` with version 1, which halves."""
    base = tmp_path / "exports" / "toy"
    base.mkdir(parents=True)
    add_version(base, 1, toys / "1")
    return base


@pytest.mark.slow
def test_versions_change_under_load_without_a_failed_request(
    base, toys, tmp_path, connect
):
    answers = [[] for _ in range(3)]
    done = threading.Event()

    def ask_on(client, answers):
        while not done.is_set():
            body = b'{"instances": [2]}'
            answers.append(client.ask("POST", "/v1/models/toy:predict", body))

    def status():
        _, answer = connect(server.url).ask("GET", "/v1/models/toy")
        return [
            (v["version"], v["state"], v["status"]["error_code"])
            for v in answer["model_version_status"]
        ]

    with LocalServer(f"--export_dir={base}") as server:
        threads = [
            threading.Thread(target=ask_on, args=(connect(server.url), list_))
            for list_ in answers
        ]
        for thread in threads:
            thread.start()
        add_version(base, 2, toys / "2")
        assert f"from {base}/2 in " in server.next_line("version 2 loaded")
        server.next_line("version 1 unloaded")
        assert status() == [("2", "AVAILABLE", "OK"), ("1", "END", "OK")]
        # A broken one changes nothing.
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"junk")
        add_version(base, 3, broken)
        assert "DATA_LOSS" in server.next_line("version 3 failed to load")
        assert status() == [
            ("3", "END", "DATA_LOSS"),
            ("2", "AVAILABLE", "OK"),
            ("1", "END", "OK"),
        ]
        time.sleep(0.1)
        done.set()
        for thread in threads:
            thread.join()
        assert server.stop() == 0
        assert "Traceback" not in server.stderr()
    for list_ in answers:
        assert {status for status, _ in list_} == {200}
        values = [answer["predictions"] for _, answer in list_]
        change = values.index([5.0])
        assert set(map(tuple, values[:change])) == {(3.0,)}
        assert set(map(tuple, values[change:])) == {(5.0,)}


@tf.function(input_signature=[tf.TensorSpec([], tf.string, "folder")])
def until_told(folder):
    """Writes `begun` into a folder, and answers when `end` is there."""
    with tf.control_dependencies([tf.io.write_file(folder + "/begun", "")]):
        end = folder + "/end"

    def is_missing(i):
        # Depends on i, or the files would be looked for once.
        pattern = end + tf.strings.substr("", 0, i)
        return tf.equal(tf.size(tf.io.matching_files(pattern)), 0)

    return {"y": tf.while_loop(is_missing, lambda i: [i + 1], [0])[0]}


END_ONCE_CLOSED = """
import pathlib, socket, sys, time, urllib.parse
address = urllib.parse.urlsplit(sys.argv[1])
for _ in range(1200):
    try:
        socket.create_connection((address.hostname, address.port)).close()
    except ConnectionRefusedError:
        pathlib.Path(sys.argv[2], "end").touch()
        sys.exit(0)
    time.sleep(0.05)
sys.exit("the server accepts connections for a minute")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, slow(signal.SIGINT)])
def test_a_signal_lets_running_requests_finish(tmp_path, connect, number):
    module = tf.Module()
    module.until_told = until_told
    tf.saved_model.save(
        module, str(tmp_path / "m" / "1"), signatures=until_told
    )

    with LocalServer(f"--export_dir={tmp_path / 'm'}") as server:
        client = connect(server.url)
        body = json.dumps({"inputs": str(tmp_path)}).encode()
        with (
            ThreadPoolExecutor(1) as thread,
            # A process of its own: this one may pause for longer than the
            # server waits, late in a long run of tests.
            subprocess.Popen(
                [sys.executable, "-c", END_ONCE_CLOSED, server.url, tmp_path]
            ) as ending,
        ):
            asked = thread.submit(
                client.ask, "POST", "/v1/models/m:predict", body
            )
            until = time.monotonic() + 60
            while not (tmp_path / "begun").exists():
                assert time.monotonic() < until
                time.sleep(0.05)
            assert ending.poll() is None
            server.process.send_signal(number)
            status, answer = asked.result()
        assert ending.returncode == 0
        assert status == 200
        assert answer["outputs"] > 0
        assert server.process.wait(timeout=20) == 0
        assert server.process.stdout.readlines()[-1] == "stopped\n"
        assert "Traceback" not in server.stderr()


def test_a_port_in_use_is_one_clear_line(base):
    command = [sys.executable, "main.py", "--mode=serve"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [*command, f"--port={port}", f"--export_dir={base}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == BAD_INPUT
    assert result.stdout == ""
    assert result.stderr == (
        f"main.py: cannot listen on --host=127.0.0.1 --port={port}: Address "
        "already in use\n"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine(tmp_path, host):
    options = Options(config=None, export_dir=str(tmp_path), host=host, port=0)
    with pytest.raises(UserError, match=f"cannot listen on --host={host}"):
        serve.main(options)


def test_nothing_to_serve_is_one_clear_line(tmp_path):
    options = Options(config=None, export_dir=str(tmp_path), port=0)
    with pytest.raises(UserError) as caught:
        serve.main(options)
    assert str(caught.value) == (
        f"model {tmp_path.name}: {tmp_path} holds no version to serve; write "
        f"one with python main.py --mode=export --export_dir={tmp_path}"
    )


def test_the_first_lines_tell_what_runs(base):
    (base / "2").mkdir()  # it is passed over
    with LocalServer(f"--export_dir={base}", "--host=localhost") as server:
        assert server.first_line == (
            f"{server.url} serves toy: a development server, not TensorFlow "
            "Serving\n"
        )
        failed = server.next_line("toy")
        assert f"version 2 failed to load from {base}/2: NOT_FOUND" in failed
        assert "version 1 loaded" in server.next_line("toy")
        assert "version 1 answers; 2 passed over" in server.next_line("toy")
        command = server.next_line("curl").strip()
        # The example works as it stands.
        example = command.replace("FILE.jpg", __file__)
        answer = subprocess.run(
            ["bash", "-c", example], capture_output=True, text=True, check=True
        )
        # This model takes numbers: it says so, having read the request.
        assert "Type: Object is not of expected type: float" in answer.stdout
        assert server.stop() == 0  # all lines are written
        first, second, request = server.stderr().splitlines()
        assert first == f"loading toy from {base}/2 ..."
        assert second == f"{server.url} meanwhile tells that it is loading"
        assert " 127.0.0.1 POST /v1/models/toy:predict 400 " in request


def reason_to_wait(url):
    with pytest.raises(UserError) as caught:
        wait_until_available(url, "toy", 0)
    return str(caught.value)


def test_it_answers_while_it_loads(base):
    """And ends at once when it is told to."""
    command = [sys.executable, "main.py", "--mode=serve", "--port=0"]
    with subprocess.Popen(
        [*command, f"--export_dir={base}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert "loading toy" in process.stderr.readline()
            url = process.stderr.readline().split()[0]
            until = time.monotonic() + 60
            # Were it silent until the version is loaded, none of the answers
            # would be that it is not.
            while "version 1 is" not in (reason := reason_to_wait(url)):
                assert "no answer" in reason
                assert time.monotonic() < until
            process.terminate()
            assert process.wait(timeout=20) == 0
            assert process.stdout.read() == "stopped\n"
        finally:
            process.kill()
