"""`python -m export.client`, run as a user would."""

import csv
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import pytest

from export.client.prediction import NOT_VALID
from tests.export.client.scripted_grpc import ScriptedGrpcServer
from tests.export.client.scripted_rest import Answer, Predictions, Slow

ROOT = pathlib.Path(__file__).parents[3]
BAD_INPUT = 2


def run(*arguments, python_options=(), **options):
    return subprocess.run(
        [sys.executable, *python_options, "-m", "export.client", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture
def cat(tmp_path):
    file = tmp_path / "cat.jpg"
    file.write_bytes(b"cat")
    return str(file)


def test_help_is_quick():
    times = []
    for _ in range(3):
        start = time.monotonic()
        done = run("--help")
        times.append(time.monotonic() - start)
        assert (done.returncode, done.stderr) == (0, "")
        for word in ("--url", "--batch_size", "grpc://", "IMAGE"):
            assert word in done.stdout
    assert statistics.median(times) < 1


def test_predictions_are_printed_as_by_predict(server, cat):
    done = run(f"--url={server.url}", cat, cat)
    lines = f"{cat}\n   0.750  cat\n   0.250  other\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, lines * 2, "")


def test_rest_needs_no_tensorflow(server, cat, tmp_path):
    flags = (f"--url={server.url}", f"--csv={tmp_path / 'out.csv'}")
    done = run(*flags, cat, python_options=("-X", "importtime"))
    assert done.returncode == 0
    imported = {
        line.split("|")[-1].strip().split(".")[0]
        for line in done.stderr.splitlines()
    }
    assert "requests" in imported
    assert not imported & {"tensorflow", "keras", "numpy", "grpc"}


def test_flags_choose_the_request(server, cat):
    server.script = [Answer(503, Retry_After="0")]
    flags = ["--model=vgg", "--version=3", "--signature=best", "--batch_size=1"]
    done = run(cat, f"--url={server.url}", *flags, cat, "--retries=1")
    assert done.returncode == 0
    assert [(path, body) for path, body, _ in server.posts] == [
        (
            "/v1/models/vgg/versions/3:predict",
            {"signature_name": "best", "inputs": {}},
        )
    ] * 3


def test_faults_of_images_are_told_in_their_places(server, cat, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"bad")
    absent = tmp_path / "absent.jpg"
    done = run(f"--url={server.url}", str(bad), cat, str(absent), cat)
    assert done.returncode == BAD_INPUT
    found = f"{cat}\n   0.750  cat\n   0.250  other\n"
    lost = "{}\n  not predicted\n"
    expected = lost.format(bad) + found + lost.format(absent) + found
    assert done.stdout == expected
    assert done.stderr.splitlines() == [
        f"export.client: {bad}: {NOT_VALID}",
        f"export.client: {absent}: No such file or directory",
    ]


def test_json_is_one_value(server, cat, tmp_path):
    absent = str(tmp_path / "absent.jpg")
    done = run(f"--url={server.url}", cat, absent, "--json")
    assert done.returncode == BAD_INPUT
    assert json.loads(done.stdout) == [
        {
            "file": cat,
            "classes": ["cat", "other"],
            "probabilities": [0.75, 0.25],
        },
        {"file": absent, "error": "No such file or directory"},
    ]
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "required"),
        (["--json"], "required"),
        (["--nonsense", "a.jpg"], "--nonsense"),
        (["--batch", "3", "a.jpg"], "--batch"),
        (["--batch_size=many", "a.jpg"], "many"),
        (["--batch_size=0", "a.jpg"], "batch size 0"),
        (["--version=1", "--label=stable", "a.jpg"], "--label"),
        (["--url=localhost:8501", "a.jpg"], "http://"),
        (["--timeout=-3", "a.jpg"], "timeout -3"),
        (["--threshold=0.5", "a.jpg"], "only used with --csv"),
        (["--csv=t.csv", "--threshold=2", "a.jpg"], "2 is no number from 0"),
        (["--csv=t.csv", "--json", "a.jpg"], "--json is not used with --csv"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, told):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("export.client: ")
    assert told in line


def test_faults_of_the_server_are_told_in_one_line(free_port, cat):
    url = f"http://127.0.0.1:{free_port}"
    done = run(f"--url={url}", "--retries=0", cat)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"export.client: no server answers at {url}")


def test_what_came_before_a_fault_of_the_server_stays(server, cat, tmp_path):
    dog = tmp_path / "dog.jpg"
    dog.write_bytes(b"dog")
    server.script = [Predictions(), Answer(500, {"error": "no"})]
    done = run(f"--url={server.url}", "--batch_size=1", str(dog), cat)
    assert done.returncode == BAD_INPUT
    assert done.stdout == f"{dog}\n   0.750  dog\n   0.250  other\n"
    assert done.stderr == (
        f"export.client: {server.url} failed, HTTP 500 Internal Server Error: "
        "no\n"
    )


def test_names_that_the_terminal_cannot_show(server, tmp_path):
    file = tmp_path / "cat.jpg"
    file.write_bytes("日本".encode())
    done = run(
        f"--url={server.url}", str(file), env={"PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert r"0.750  \u65e5\u672c" in done.stdout


def test_a_reader_that_goes_away_is_no_fault(server, cat):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "export.client", f"--url={server.url}", cat],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


NEWEST = "/v1/models/alexnet"
VERSION_2 = {"model_version_status": [{"version": "2", "state": "AVAILABLE"}]}


@pytest.fixture
def photos(tmp_path):
    """A folder, and a folder in it, with five images, one of them bad."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a", "b", "bad", "sub/c", "sub/d"):
        (folder / f"{name}.jpg").write_bytes(name.encode())
    return folder


def rows_of(table):
    with open(table, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_a_table_is_gone_on_with(server, photos, tmp_path):
    table = tmp_path / "out.csv"
    flags = [f"--url={server.url}", "--batch_size=2", f"--csv={table}"]
    server.script = [Predictions(), Answer(500, {"error": "no"})]
    done = run(*flags, str(photos))
    assert done.returncode == BAD_INPUT
    assert "HTTP 500" in done.stderr.splitlines()[-1]
    names = ["a", "b", "bad", "sub/c", "sub/d"]
    files = [str(photos / f"{name}.jpg") for name in names]
    assert [row["file"] for row in rows_of(table)] == files[:2]
    server.posts.clear()
    done = run(*flags, str(photos))
    assert done.returncode == BAD_INPUT
    assert done.stderr.splitlines()[-1] == (
        f"export.client: {files[2]}: {NOT_VALID}"
    )
    assert f"{table}: 2 files predicted; 1 failed" in done.stdout
    # The version is kept to, and what is there is not asked for again.
    assert [(path, images) for path, _, images in server.posts] == [
        ("/v1/models/alexnet/versions/2:predict", [b"bad", b"sub/c"]),
        ("/v1/models/alexnet/versions/2:predict", [b"sub/d"]),
    ]
    rows = rows_of(table)
    assert [row["file"] for row in rows] == files
    for name, row in zip(names, rows, strict=True):
        assert row["network"] == "alexnet/2/serving_default"
        if name == "bad":
            assert (row["class"], row["error"]) == ("", NOT_VALID)
        else:
            assert (row["class"], row["probability"]) == (name, "0.75")
            assert (row["class_2"], row["probability_2"]) == ("other", "0.25")
            assert row["class_3"] == row["error"] == ""


def test_a_table_of_another_version_is_refused(server, photos, tmp_path):
    table = tmp_path / "out.csv"
    flags = [f"--url={server.url}", f"--csv={table}", str(photos / "a.jpg")]
    assert run(*flags).returncode == 0
    server.questions[NEWEST] = Answer(
        body=json.loads(json.dumps(VERSION_2).replace("2", "7"))
    )
    done = run(*flags)
    assert done.returncode == BAD_INPUT
    [line] = done.stderr.splitlines()
    assert "alexnet/2/serving_default, and not of alexnet/7/" in line
    server.questions[f"{NEWEST}/labels/old"] = Answer(body=VERSION_2)
    assert run(*flags, "--label=old").returncode == 0
    server.questions[NEWEST] = Answer(body={"model_version_status": [{}]})
    done = run(*flags)
    assert "does not answer as TensorFlow Serving does" in done.stderr
    server.questions[NEWEST] = Answer(body={"model_version_status": []})
    assert "has no version of model alexnet" in run(*flags).stderr
    del server.questions[NEWEST]
    done = run(*flags)
    assert (done.returncode, len(done.stderr.splitlines())) == (BAD_INPUT, 1)


@pytest.mark.slow
def test_a_table_over_grpc(photos, tmp_path):
    table = tmp_path / "out.csv"
    server = ScriptedGrpcServer()
    server.start()
    try:
        flags = [f"--url={server.url}", f"--csv={table}", "--threshold=0.8"]
        done = run(*flags, str(photos / "sub"))
    finally:
        server.stop()
    assert done.returncode == 0
    assert [row["class_1"] for row in rows_of(table)] == ["sub/c", "sub/d"]
    assert {row["class"] for row in rows_of(table)} == {"none of these"}


def test_folders_and_lists_are_printed_too(server, photos, tmp_path):
    (photos / "list.txt").write_text("b.jpg\n")
    done = run(
        f"--url={server.url}", str(photos / "sub"), str(photos / "list.txt")
    )
    assert (done.returncode, done.stderr) == (0, "")
    files = [line for line in done.stdout.splitlines() if line[0] == "/"]
    assert files == [
        str(photos / n) for n in ("sub/c.jpg", "sub/d.jpg", "b.jpg")
    ]


def test_grpc_from_the_command_line(cat):
    server = ScriptedGrpcServer()
    server.start()
    try:
        done = run(f"--url={server.url}", cat)
    finally:
        server.stop()
    lines = f"{cat}\n   0.750  cat\n   0.250  other\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, lines, "")


def test_an_interrupt_ends_it_in_one_line(server, cat):
    server.script = [Slow(2)]
    client = subprocess.Popen(
        [sys.executable, "-m", "export.client", f"--url={server.url}", cat],
        stderr=subprocess.PIPE,
        cwd=ROOT,
        # A suite started in the background of a script ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with client:
        while not server.posts:
            assert client.poll() is None
            time.sleep(0.01)
        client.send_signal(signal.SIGINT)
        _, stderr = client.communicate(timeout=60)
    assert (client.returncode, stderr) == (130, b"export.client: interrupted\n")
