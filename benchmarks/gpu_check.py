"""What holds on this machine's GPUs, and how fast it is.

    python -m benchmarks.gpu_check [--devices=gpu] [--rows=NAME,NAME]
        [--data_dir=PREPARED] [--file=checks/gpu.json] [--json]

Each row of the table runs in a process of its own with a time limit, so one
that fails or hangs ends no other. A row is "pass", "fail", or "not applicable"
where the machine lacks what it needs; the reason stands beside it. What speed
rows measure is in their reason: nothing has to be reached. The exit code is 1
where a row failed, else 0. At the end stands the block for docs/scale.md, and
all numbers are in --file; with --json they are the last line, too.

--data_dir is a set that --mode=prepare wrote, for real input; without it the
images that ship with the program are prepared for the row. --devices=cpu
stands logical CPUs in for GPUs, with a network of a sixteenth of the width: it
shows that the rows run and says nothing about GPUs; the limits are ten times
as long.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from alexnet_tf.files.atomic import write_text
from benchmarks import command_line

ROOT = pathlib.Path(__file__).parents[1]
PASS, FAIL, NOT_APPLICABLE = "pass", "fail", "not applicable"
DETERMINISTIC = {"TF_DETERMINISTIC_OPS": "1"}
GROWING = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: of the function in `gpu_rows` that does it.
        title: in words.
        devices: how many it needs.
        seconds: its time limit.
        environment: variables that TensorFlow reads when it starts.
    """

    name: str
    title: str
    devices: int = 1
    seconds: float = 60
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


DEVICES = Row("devices", "devices, CUDA, cuDNN", devices=0)
ROWS = (
    Row("placement", "placement in the executed graph", 2),
    Row("crossing", "what crosses in a step", 2),
    Row("pinned", "pinned against unpinned towers", 2, 90, DETERMINISTIC),
    Row("precisions", "precisions against the CPU", seconds=120),
    Row("lrn", "LRN where TF32 is on"),
    Row("layout", "layout of the maps"),
    Row("xla", "XLA against plain", seconds=150),
    Row("update", "the update, plain and as one XLA program", seconds=90),
    Row("launches", "operations of a step"),
    Row("determinism", "two equal runs", 1, 90, DETERMINISTIC),
    Row("resume", "a run that was interrupted", 1, 180, DETERMINISTIC),
    Row("workers", "two workers", 2, 150),
    Row("memory", "memory against the estimate", 1, 60, GROWING),
    Row("growth", "memory that grows where asked"),
    Row("float32", "training, float32", seconds=150),
    Row("bfloat16", "training, bfloat16", seconds=150),
    Row("towers", "two towers against one device", 2, 90),
    Row("feeding", "ways to feed a step", seconds=90),
    Row("export", "the export, ten crops", seconds=90),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """Where and how large the rows are.

    Attributes:
        devices: names of the GPUs or of what stands in for them, "GPU:0".
        stand_in: whether these are logical CPUs.
        width: of the network.
        classes: of the network.
        batches: images of a step, for the rows that measure speed.
        batch: images of a step, for the others.
        steps: after which weights are compared.
        timed: steps that a time is taken of.
        data_dir: a prepared set, or None.
        patience: what the rows' time limits are multiplied by.
    """

    devices: tuple[str, ...] = ()
    stand_in: bool = False
    width: float = 1.0
    classes: int = 1000
    batches: tuple[int, ...] = (128, 256, 1024)
    batch: int = 32
    steps: int = 20
    timed: int = 20
    data_dir: str | None = None
    patience: float = 1.0

    def to_json(self) -> str:
        """Its values, for another process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Setting:
        """The one that `to_json` wrote."""
        given = json.loads(text)
        for name in ("devices", "batches"):
            given[name] = tuple(given[name])
        return cls(**given)


# Logical CPU 0 is the host and the default device, as it is in the tests.
STAND_IN = Setting(
    devices=("CPU:1", "CPU:2"),
    stand_in=True,
    width=1 / 16,
    classes=10,
    batches=(2,),
    batch=2,
    steps=3,
    timed=1,
    patience=10.0,
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a row.

    Attributes:
        verdict: `PASS`, `FAIL` or `NOT_APPLICABLE`.
        reason: a sentence.
        numbers: JSON values by their names.
    """

    verdict: str
    reason: str
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)


def main() -> int:
    parser = command_line.parser(__doc__)
    parser.add_argument("--devices", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--rows", help="names, separated by commas")
    parser.add_argument("--data_dir", help="a prepared set, for real input")
    parser.add_argument("--file", default="checks/gpu.json")
    arguments = parser.parse_args()
    rows = chosen(arguments.rows, parser)
    setting = dataclasses.replace(
        STAND_IN if arguments.devices == "cpu" else Setting(),
        data_dir=arguments.data_dir,
    )
    outcomes = check(rows, setting, row_command)
    print("\n" + block(outcomes))
    file = pathlib.Path(arguments.file)
    file.parent.mkdir(parents=True, exist_ok=True)
    found = as_json(outcomes)
    write_text(file, json.dumps(found, indent=2) + "\n")
    print(f"\nwritten: {file}")
    command_line.tell(arguments, found)
    return int(any(o.verdict == FAIL for o in outcomes.values()))


def chosen(names: str | None, parser: argparse.ArgumentParser) -> list[Row]:
    """The rows of a --rows; a name that is none ends the program."""
    if names is None:
        return list(ROWS)
    by_name = {row.name: row for row in ROWS}
    asked = names.split(",")
    unknown = [name for name in asked if name not in by_name]
    if unknown:
        parser.error(
            f"--rows has {', '.join(unknown)}; there are {', '.join(by_name)}"
        )
    return [by_name[name] for name in asked]


def row_command(row: Row, setting: Setting) -> list[str]:
    """The program that does a row and prints its `Outcome` as JSON."""
    module = "benchmarks.gpu_rows"
    return [sys.executable, "-m", module, row.name, setting.to_json()]


def check(
    rows: list[Row],
    setting: Setting,
    command: Callable[[Row, Setting], list[str]],
) -> dict[str, Outcome]:
    """Runs the rows, one after the other, and prints each when it is done.

    Args:
        rows: beside `DEVICES`, which is first and finds the GPUs.
        setting: without devices where they are to be found.
        command: the program of a row, such as `row_command`.

    Returns:
        {title: `Outcome`}.
    """
    outcomes = {}
    width = max(len(row.title) for row in (DEVICES, *rows))
    for row in (DEVICES, *rows):
        start = time.perf_counter()
        if len(setting.devices) < row.devices:
            outcome = Outcome(NOT_APPLICABLE, lacking(row, setting))
        else:
            limit = setting.patience * row.seconds
            outcome = run_row(row, command(row, setting), limit)
        if row is DEVICES and not setting.stand_in:
            gpus = outcome.numbers.get("gpus", [])
            names = tuple(f"GPU:{number}" for number in range(len(gpus)))
            setting = dataclasses.replace(setting, devices=names)
        seconds = time.perf_counter() - start
        print(
            f"{row.title:{width}}  {outcome.verdict:14}  {seconds:5.1f} s  "
            f"{outcome.reason}",
            flush=True,
        )
        outcomes[row.title] = outcome
    return outcomes


def lacking(row: Row, setting: Setting) -> str:
    """Why a row cannot be run."""
    there = len(setting.devices)
    needs = "a GPU" if row.devices == 1 else f"{row.devices} GPUs"
    return f"It needs {needs}, and this machine has {there or 'none'}."


def run_row(row: Row, command: list[str], limit: float) -> Outcome:
    """Runs the program of a row; whatever it does, there is an `Outcome`.

    Args:
        row: a `Row`.
        command: its program.
        limit: seconds after which it is ended, with all that it started.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **row.environment}
    # Files, since children that outlive the program would hold a pipe open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as e:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=e,
            text=True,
            start_new_session=True,
        )
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            return Outcome(
                FAIL, f"It was ended at its limit of {limit:g} seconds."
            )
        finally:
            end(process)
        lines, complaints = (lines_of(file) for file in (out, e))
    # Libraries may print, too.
    results = [line for line in lines if line.startswith('{"verdict": ')]
    if process.returncode or not results:
        last = complaints[-1] if complaints else "nothing was said"
        return Outcome(
            FAIL, f"It ended with exit code {process.returncode}: {last[:300]}"
        )
    return Outcome(**json.loads(results[-1]))


def end(process: subprocess.Popen[str]) -> None:
    """Ends a program with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def lines_of(file: Any) -> list[str]:
    """The lines of an open file that are not empty."""
    file.seek(0)
    return [line.strip() for line in file if line.strip()]


def as_json(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """{"rows": [{"row", "verdict", "reason", "numbers"}]}."""
    return {
        "rows": [
            {"row": title, **dataclasses.asdict(outcome)}
            for title, outcome in outcomes.items()
        ]
    }


def block(outcomes: dict[str, Outcome]) -> str:
    """Markdown that takes the place of "What is assumed" in docs/scale.md."""
    measured = {
        t: o for t, o in outcomes.items() if o.verdict != NOT_APPLICABLE
    }
    stand_in = outcomes[DEVICES.title].numbers.get("stand_in")
    gpus = outcomes[DEVICES.title].numbers.get("gpus", [])
    if not gpus:
        what = "logical CPUs standing in" if stand_in else "no GPU"
        return (
            f"Nothing for docs/scale.md: this was {what}, and its assumptions "
            "stay assumptions."
        )
    lines = [
        "## What was measured",
        "",
        f"On {', '.join(gpus)}. {outcomes[DEVICES.title].reason} "
        "`python -m benchmarks.gpu_check` prints the table.",
        "",
        "| | | |",
        "|---|---|---|",
        *(
            f"| {title} | {outcome.verdict} | {outcome.reason} |"
            for title, outcome in measured.items()
            if title != DEVICES.title
        ),
    ]
    left_out = [title for title in outcomes if title not in measured]
    if left_out:
        lines += ["", f"Not run there: {'; '.join(left_out)}."]
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main)
