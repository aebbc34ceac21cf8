"""`benchmarks.gpu_check`: its rows on logical CPUs, and its table."""

import dataclasses
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmarks import gpu_check, gpu_rows
from benchmarks.gpu_check import (
    DEVICES,
    FAIL,
    NOT_APPLICABLE,
    PASS,
    ROWS,
    STAND_IN,
    Outcome,
    Row,
    Setting,
    block,
    check,
    row_command,
)

PRINTS = "import json; print('a'); print(json.dumps({})); print('library')"
GPUS = ["NVIDIA One", "NVIDIA Two"]


def program(outcome):
    """A row's program that only prints an outcome."""
    return [sys.executable, "-c", PRINTS.format(dataclasses.asdict(outcome))]


def two_gpus(row, setting):
    """Programs on a machine with two GPUs; four rows go wrong."""
    if row is DEVICES:
        return program(Outcome(PASS, "Versions.", {"gpus": GPUS}))
    # A child that outlives its parent holds the pipes.
    hangs = "import subprocess, time; subprocess.Popen(['sleep', '60']); "
    wrong = {
        "hangs": [sys.executable, "-c", hangs + "time.sleep(60)"],
        "raises": [sys.executable, "-c", "raise ValueError('no memory')"],
        "dies": [sys.executable, "-c", "import os; os.abort()"],
        "silent": [sys.executable, "-c", ""],
    }
    if row.environment:
        told = "import json, os; print(json.dumps({{'verdict': 'pass', "
        told += "'reason': os.environ['{}']}}))"
        return [sys.executable, "-c", told.format(*row.environment)]
    told = ", ".join(setting.devices)
    return wrong.get(row.name) or program(
        Outcome(PASS, f"On {told}.", {"x": 2})
    )


def test_rows_that_fail_or_hang_end_no_other(capsys):
    rows = [
        Row("raises", "raises"),
        Row("hangs", "hangs", seconds=1),
        Row("dies", "dies"),
        Row("silent", "silent"),
        Row("three", "needs three", devices=3),
        Row("good", "good", devices=2),
        Row("told", "told", environment={"TF_OF_THE_ROW": "It was told."}),
    ]
    start = time.perf_counter()
    found = check(rows, Setting(), two_gpus)
    assert time.perf_counter() - start < 30  # the child sleeps 60
    verdicts = {title: outcome.verdict for title, outcome in found.items()}
    assert verdicts == {
        DEVICES.title: PASS,
        **dict.fromkeys(("raises", "hangs", "dies", "silent"), FAIL),
        "needs three": NOT_APPLICABLE,
        "good": PASS,
        "told": PASS,
    }
    reasons = {title: outcome.reason for title, outcome in found.items()}
    assert reasons["raises"] == (
        "It ended with exit code 1: ValueError: no memory"
    )
    assert reasons["hangs"] == "It was ended at its limit of 1 seconds."
    assert reasons["dies"].startswith("It ended with exit code -6")
    assert reasons["silent"] == ("It ended with exit code 0: nothing was said")
    assert reasons["needs three"] == (
        "It needs 3 GPUs, and this machine has 2."
    )
    assert reasons["good"] == "On GPU:0, GPU:1."
    assert reasons["told"] == "It was told."
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 1 + len(rows)
    for line, (title, outcome) in zip(table, found.items(), strict=True):
        assert line.startswith(title)
        assert f" {outcome.verdict} " in line
        assert line.endswith(outcome.reason)
    text = block(found)
    assert "On NVIDIA One, NVIDIA Two. Versions." in text
    assert "| good | pass | On GPU:0, GPU:1. |" in text
    assert text.endswith("Not run there: needs three.")


def test_without_gpus_it_runs_to_its_end(tmp_path, monkeypatch, capsys):
    def no_gpu(row, setting):
        assert row is DEVICES  # nothing else is started
        return program(Outcome(NOT_APPLICABLE, "No GPU.", {"gpus": []}))

    file = tmp_path / "new" / "gpu.json"
    monkeypatch.setattr(sys, "argv", ["gpu_check", f"--file={file}", "--json"])
    monkeypatch.setattr(gpu_check, "row_command", no_gpu)
    assert gpu_check.main() == 0
    lines = capsys.readouterr().out.splitlines()
    found = json.loads(lines[-1])
    assert json.loads(file.read_text()) == found
    assert [row["row"] for row in found["rows"]] == [
        row.title for row in (DEVICES, *ROWS)
    ]
    assert {row["verdict"] for row in found["rows"]} == {NOT_APPLICABLE}
    assert found["rows"][1]["reason"] == (
        "It needs 2 GPUs, and this machine has none."
    )
    assert "its assumptions stay assumptions." in "\n".join(lines)
    assert [path.name for path in file.parent.iterdir()] == ["gpu.json"]


def test_a_row_that_fails_is_the_exit_code(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys,
        "argv",
        ["gpu_check", "--rows=lrn", f"--file={tmp_path / 'gpu.json'}"],
    )
    outcome = Outcome(FAIL, "It is wrong.", {"gpus": GPUS})
    monkeypatch.setattr(gpu_check, "row_command", lambda *_: program(outcome))
    assert gpu_check.main() == 1


def test_an_unknown_row_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu_check", "--rows=lrn,fast"])
    with pytest.raises(SystemExit) as end:
        gpu_check.main()
    assert end.value.code == 2
    assert "--rows has fast; there are placement," in capsys.readouterr().err


def test_every_row_has_a_function_and_its_setting_travels():
    assert gpu_rows.ROWS.keys() == {row.name for row in (DEVICES, *ROWS)}
    *_, text = row_command(ROWS[0], STAND_IN)
    assert Setting.from_json(text) == STAND_IN


# The tests' logical CPUs are those of the stand-in: CPU:1 and CPU:2, with CPU:0
# as the host.
QUICK = ("placement", "crossing", "lrn", "layout")


@pytest.fixture(scope="module")
def one_step():
    """The executed step that two rows read."""
    return gpu_rows.executed_step(STAND_IN)


@pytest.mark.parametrize("name", QUICK)
def test_a_row_on_logical_cpus(name, monkeypatch, one_step):
    monkeypatch.setattr(gpu_rows, "executed_step", lambda setting: one_step)
    outcome = gpu_rows.ROWS[name](STAND_IN)
    assert outcome.verdict == PASS, outcome.reason
    assert outcome.reason.endswith(".")
    json.dumps(outcome.numbers)


def test_work_on_the_wrong_device_fails(monkeypatch, one_step):
    monkeypatch.setattr(gpu_rows, "executed_step", lambda setting: one_step)
    swapped = dataclasses.replace(STAND_IN, devices=("CPU:2", "CPU:1"))
    outcome = gpu_rows.ROWS["placement"](swapped)
    assert outcome.verdict == FAIL
    assert "convolution of conv2, tower 1" in outcome.reason
    assert "update of fc6_kernel_0" in outcome.reason


def test_weights_that_went_elsewhere_fail(monkeypatch):
    """The row of determinism, with steps that are not."""
    random = np.random.default_rng(0)
    monkeypatch.setattr(gpu_rows, "make_trainer", lambda setting: None)
    monkeypatch.setattr(gpu_rows, "batches", lambda setting, count: None)
    monkeypatch.setattr(gpu_rows, "moved", lambda *_: random.normal(size=3))
    assert gpu_rows.ROWS["determinism"](STAND_IN).verdict == FAIL
    theirs = random.normal(size=1000)
    bound = gpu_rows.rounding_bound(20)
    for factor, verdict in ((0.5, PASS), (2, FAIL)):
        ours = theirs * (1 + factor * bound)
        difference = gpu_rows.apart(ours, theirs)
        assert difference == pytest.approx(factor * bound)
        outcome = gpu_rows.held_to(difference, bound, "Ours and theirs")
        assert outcome.verdict == verdict


def test_memory_and_its_growth_are_not_told_of_cpus():
    for name in ("memory", "growth"):
        outcome = gpu_rows.ROWS[name](STAND_IN)
        assert outcome.verdict == NOT_APPLICABLE


@pytest.mark.slow
def test_all_rows_on_logical_cpus(tmp_path):
    file = tmp_path / "gpu.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.gpu_check", "--devices=cpu"),
            f"--file={file}",
        ],
        cwd=gpu_check.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = {
        row["row"]: row["verdict"]
        for row in json.loads(file.read_text())["rows"]
    }
    of_gpus = {"memory against the estimate", "memory that grows where asked"}
    assert {t for t, v in verdicts.items() if v != PASS} == {
        DEVICES.title,
        *of_gpus,
    }
