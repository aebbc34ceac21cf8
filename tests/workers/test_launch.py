"""The launcher, with workers that do next to nothing."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from alexnet_tf.errors import START_AGAIN, UserError
from alexnet_tf.workers import launch
from tests.workers.processes import all_ended

HOW = "continue with: that command"
SLEEPS = "time.sleep(60)"


def program(*lines):
    """A command whose Python lines know `rank` and `me`, a file to touch."""
    head = """
        import json, os, pathlib, signal, sys, time
        rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    """
    text = textwrap.dedent(head) + "\n".join(lines)
    return [sys.executable, "-c", text]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(launch, "SECONDS_TO_FOLLOW", 1)
    monkeypatch.setattr(launch, "SECONDS_TO_END", 1)


def test_all_workers_run_and_only_the_first_is_shown(capfd):
    command = program(
        "print('out', rank, os.environ['TF_CONFIG'].count('127.0.0.1:'))",
        "print('err', rank, file=sys.stderr)",
    )
    assert launch.launch(3, command, HOW) == 0
    shown = capfd.readouterr()
    assert shown.out == "out 0 3\n"
    assert sorted(shown.err.splitlines()) == [
        "err 0",
        "worker 1: err 1",
        "worker 2: err 2",
    ]


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("os.kill(os.getpid(), 9)", 1, "worker 1 was killed by SIGKILL"),
        ("sys.exit(3)", 3, "worker 1 ended with exit code 3"),
    ],
)
def test_one_that_fails_ends_all(impatient, capfd, end, code, told):
    command = program(
        # As deaf as a worker that waits for another.
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        f"{end} if rank == 1 else {SLEEPS}",
    )
    begin = time.monotonic()
    assert launch.launch(2, command, HOW) == code
    assert time.monotonic() - begin < 10
    message = capfd.readouterr().err
    assert f"main.py: {told}: " in message
    assert HOW in message


def test_one_that_asks_for_it_starts_all_again(impatient, tmp_path, capfd):
    command = program(
        f"me = pathlib.Path({str(tmp_path)!r}, str(rank))",
        "starts = me.read_text() if me.exists() else ''",
        "me.write_text(starts + 'x')",
        f"sys.exit({START_AGAIN}) if rank == 1 and starts < 'xx' else 0",
        # The other has lost it.
        "sys.exit(1) if starts < 'xx' and not time.sleep(0.5) else 0",
    )
    assert launch.launch(2, command, HOW) == 0
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["xxx", "xxx"]
    shown = capfd.readouterr()
    assert shown.out == "all 2 workers are started again\n" * 2
    assert shown.err == ""


def test_ctrl_c_is_not_answered_with_a_new_start(tmp_path):
    ready = tmp_path / "ready"
    command = program(
        f"again = lambda *_: sys.exit({START_AGAIN})",
        "signal.signal(signal.SIGINT, again)",
        f"(pathlib.Path({str(ready)!r} + str(rank))).touch()",
        SLEEPS,
    )
    process = start_launcher(command)
    wait_for_files(ready, 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_bad_input_of_a_worker_is_told_by_it_alone(impatient, capfd):
    command = program(
        "sys.exit('why' if rank == 1 else 0) if rank else sys.exit(2)"
    )
    assert launch.launch(2, command, HOW) == 2
    assert "main.py" not in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("answers", [True, False])
def test_signals_are_passed_on(tmp_path, number, answers):
    ready = tmp_path / "ready"
    command = program(
        "signal.signal(signal.SIGINT, signal.SIG_DFL)",
        f"answer = lambda *_: sys.exit({130 if number == 2 else 0})",
        f"{answers} and signal.signal({int(number)}, answer)",
        f"(pathlib.Path({str(ready)!r} + str(rank))).touch()",
        SLEEPS,
    )
    process = start_launcher(command)
    wait_for_files(ready, 2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    if answers:
        assert process.returncode == (130 if number == 2 else 0)
    else:
        assert process.returncode == 128 + number
    assert "killed" not in errors


def test_no_worker_outlives_a_launcher_that_is_killed(tmp_path):
    ready = tmp_path / "ready"
    command = program(
        "from alexnet_tf.workers.launch import end_with_launcher",
        "end_with_launcher()",
        f"ready = pathlib.Path({str(ready)!r} + str(rank))",
        "ready.write_text(str(os.getpid()))",
        SLEEPS,
    )
    process = start_launcher(command)
    wait_for_files(ready, 2)
    workers = [int(f.read_text()) for f in tmp_path.iterdir()]
    process.kill()
    process.communicate(timeout=20)
    assert all_ended(workers, seconds=5)


def test_a_worker_whose_launcher_is_gone_already_ends(monkeypatch):
    variables = {**os.environ, launch.LAUNCHER: "1"}  # not its parent
    command = [
        sys.executable,
        "-c",
        "from alexnet_tf.workers.launch import end_with_launcher\n"
        "end_with_launcher()\nprint('alive')",
    ]
    result = subprocess.run(
        command, env=variables, capture_output=True, text=True, check=False
    )
    assert result.returncode == -signal.SIGTERM
    assert result.stdout == ""


def test_gpus_are_shared_out(monkeypatch):
    addresses = ("127.0.0.1:1", "127.0.0.1:2")

    def gpus(rank):
        cluster = launch.Cluster(addresses, rank)
        return launch.environment(cluster).get("CUDA_VISIBLE_DEVICES")

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    assert [gpus(0), gpus(1)] == ["4,5", "6,7"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(UserError, match="--workers=2 with 1 GPU"):
        gpus(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus(0) is None


def start_launcher(command):
    """A process that launches the command twice."""
    text = (
        "import sys\nfrom alexnet_tf.workers.launch import launch\n"
        f"sys.exit(launch(2, {command!r}, ''))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stderr=subprocess.PIPE,
        text=True,
        cwd=pathlib.Path(__file__).parent.parent.parent,
    )


def wait_for_files(prefix, count):
    until = time.monotonic() + 20
    while len(list(prefix.parent.glob(f"{prefix.name}*"))) < count:
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.1)  # what was touched may not be written
