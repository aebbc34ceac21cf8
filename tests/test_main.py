"""The command line, up to the point where a mode begins."""

import pathlib
import signal
import statistics
import subprocess
import sys
import time

import pytest

MAIN = pathlib.Path(__file__).parent.parent / "main.py"
BAD_INPUT = 2


def run_main(*arguments, python_options=(), folder=None):
    """Runs main.py in a folder of its own, as a user would."""
    return subprocess.run(
        [sys.executable, *python_options, MAIN, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )


def test_help_is_quick():
    times = []
    for _ in range(3):
        start = time.monotonic()
        result = run_main("--help")
        times.append(time.monotonic() - start)
        assert result.returncode == 0
        assert result.stderr == ""
        for word in ("--mode", "--run", "--data_dir", "inspect", "main.py"):
            assert word in result.stdout
    assert statistics.median(times) < 1


def imported(result):
    """Top-level packages that `-X importtime` lists."""
    return {
        line.split("|")[-1].strip().split(".")[0]
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }


@pytest.mark.parametrize("arguments", [["--help"], ["--mode=nothing"]])
def test_tensorflow_is_not_imported_for_an_answer_without_it(arguments):
    packages = imported(
        run_main(*arguments, python_options=["-X", "importtime"])
    )
    assert {"absl", "ml_collections", "alexnet_tf"} <= packages
    assert not packages & {"tensorflow", "keras", "matplotlib"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--mode=test"],
            ["mode", "train", "evaluate", "predict", "export", "inspect"],
        ),
        (["--config.train.epoch=3"], ["epoch", 'Did you mean "epochs"']),
        (["--config.trian.epochs=3"], ["trian"]),
        (["--config.train.epochs=two"], ["config.train.epochs", "two"]),
        (["--config.train.lr=fast"], ["config.train.lr", "fast"]),
        (["--config.data=3"], ["config.data"]),
        (["--config=missing.py"], ["missing.py", "no such file"]),
        (["--against=missing.py"], ["--against=missing.py", "no such file"]),
        (["--config=missing.py", "--config.train.epochs=3"], ["missing.py"]),
        (["pictures"], ["unexpected argument pictures"]),
        (["--mode=export", "pictures"], ["unexpected argument pictures"]),
        (["--no_such_flag"], ["no_such_flag"]),
        (["--crops=5"], ["crops", "1", "10"]),
        (["--logical_cpus=0"], ["logical_cpus"]),
        # From here on TensorFlow is imported first.
        (["--config.data.name=nothing"], ["there is no data set nothing"]),
        (
            ["--config.data.name=cifar10", "--data_dir=data"],
            ["cifar10 is not prepared", "--data_dir", "--download"],
        ),
        (["--config.data.name=folder", "--data_dir=x"], ["x/train"]),
        (["--data_dir=x"], ["--config.data.name=folder"]),
        (["--mode=evaluate", "--run=nowhere"], ["no run in nowhere"]),
        (["--mode=inspect", "--run=nowhere"], ["no run in nowhere"]),
        (["--mode=inspect", "--tower_devices=CPU:0,CPU:1"], ["no device CPU"]),
    ],
    ids=" ".join,
)
def test_a_mistake_is_answered_in_one_line(tmp_path, arguments, words):
    result = run_main(*arguments, folder=tmp_path)
    assert result.returncode == BAD_INPUT
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("main.py: ")
    assert "Traceback" not in line
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("def get_config(:", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("x = 1", "get_config"),
        (
            "from ml_collections import ConfigDict\n"
            "def get_config(): return ConfigDict({'data': {'limit': 0}})",
            "lacks a key",
        ),
    ],
)
def test_a_recipe_that_is_none_is_answered_in_one_line(tmp_path, recipe, words):
    (tmp_path / "recipe.py").write_text(recipe)
    result = run_main("--mode=inspect", "--config=recipe.py", folder=tmp_path)
    assert result.returncode == BAD_INPUT
    [line] = result.stderr.splitlines()
    assert words in line


def test_a_reader_that_has_seen_enough_is_no_error():
    """As `| head` is."""
    process = subprocess.Popen(
        [sys.executable, MAIN, "--mode=inspect"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait() == 128 + signal.SIGPIPE
