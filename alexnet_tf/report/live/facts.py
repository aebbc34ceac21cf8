"""What a run has written so far, as JSON values for the page."""

import json
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

from alexnet_tf.errors import UserError
from alexnet_tf.files.text import read_text
from alexnet_tf.run.folder import Run
from alexnet_tf.run.progress import UPDATE_RATIO, read_rows, read_steps

POINTS = 500  # of a curve over the updates, at most
MOST = 2**53  # no run has so many updates
SILENT = 120  # seconds without a row, after which a run is told to be silent


def run_facts(run: Run) -> dict[str, Any]:
    """All that the page shows of a run, finished or not.

    Files that are not there yet, or that another process is about to replace,
    leave their part empty: the next look finds them. So do those with other
    JSON values than a run writes, whose names are told.

    Returns:
        {"name", "state": "absent" (there is no folder), "beginning",
        "running", "silent" or "finished", "plan": see `StepLog`, or None,
        "steps": [{"update", "loss", "top1_error", "learning_rate",
        "images_per_second"}], means over equal stretches, "speed": images/s of
        the last minute, "seconds_left": of training, without validation, or
        None, "epochs": rows of history.csv, numbers that are not finite as
        None, "inside": what `EpochPictures` wrote, with "pictures", the names
        of its files, "alarm": lines of the flat-loss alarm, "damaged": names
        of files}.
    """
    steps = [
        row
        for row in _or_empty(read_steps, run.steps_file)
        if all(map(math.isfinite, row.values()))
    ]
    damaged: list[str] = []
    plan = _json_or_none(run.plan_file, _is_plan, damaged)
    alarm = _json_or_none(run.alarm_file, _is_alarm, damaged)
    epochs = (
        []
        if not run.history_file.is_file()
        else (_or_empty(read_rows, run.history_file))
    )
    speed = _recent_speed(steps)
    return {
        "name": run.path.name,
        "state": _state(run, steps),
        "plan": plan,
        "steps": _thinned(steps),
        "speed": speed,
        "seconds_left": _seconds_left(plan, steps, speed),
        "epochs": [
            {k: v if math.isfinite(v) else None for k, v in row.items()}
            for row in epochs
        ],
        "inside": _inside(run.watch_folder, damaged),
        "alarm": alarm or [],
        "damaged": damaged,
        "update_ratio": UPDATE_RATIO,
    }


def _state(run: Run, steps: list[dict[str, float]]) -> str:
    if run.is_finished:
        return "finished"
    if not steps:
        return "beginning" if run.path.is_dir() else "absent"
    return "running" if time.time() - steps[-1]["time"] < SILENT else "silent"


def _recent_speed(steps: list[dict[str, float]]) -> float | None:
    recent = [
        row["images_per_second"]
        for row in steps[-60:]
        if row["time"] > steps[-1]["time"] - 60
    ]
    return sum(recent) / len(recent) if recent else None


def _seconds_left(
    plan: Any, steps: list[dict[str, float]], speed: float | None
) -> float | None:
    if not plan or not steps or not speed:
        return None
    updates = plan["epochs"] * plan["steps_per_epoch"] - steps[-1]["update"]
    return max(0.0, updates * plan["batch_size"] / speed)


def _thinned(steps: list[dict[str, float]]) -> list[dict[str, float]]:
    """Means over equally many rows; the last row's update and rate."""
    size = math.ceil(len(steps) / POINTS) if steps else 1
    thinned = []
    for begin in range(0, len(steps), size):
        rows = steps[begin : begin + size]
        last = {key: rows[-1][key] for key in ("update", "learning_rate")}
        means = {
            key: sum(row[key] for row in rows) / len(rows)
            for key in ("loss", "top1_error", "images_per_second")
        }
        thinned.append(last | means)
    return thinned


def _inside(folder: pathlib.Path, damaged: list[str]) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.glob("[0-9]*.json")):
        values = _json_or_none(path, _is_of_epoch, damaged)
        if values:
            pictures = sorted(p.name for p in folder.glob(f"{path.stem}-*.png"))
            found.append({**values, "pictures": pictures})
    return found


def _or_empty(read: Any, path: pathlib.Path) -> list[dict[str, float]]:
    try:
        return read(path)
    except (UserError, OSError):
        return []


def _json_or_none(
    path: pathlib.Path, is_valid: Callable[[Any], bool], damaged: list[str]
) -> Any:
    """A file's JSON value; None where it is not there, or not valid.

    Args:
        path: of the file.
        is_valid: whether a value is what a run writes there.
        damaged: gets the name of the file where it is not.
    """
    try:
        values = json.loads(read_text(path))
    except OSError:
        return None
    except (ValueError, RecursionError):
        values = None
    if is_valid(values):
        return values
    damaged.append(path.name)
    return None


def _is_plan(values: Any) -> bool:
    return isinstance(values, dict) and all(
        type(values.get(key)) is int and 0 < values[key] < MOST
        for key in ("epochs", "steps_per_epoch", "batch_size")
    )


def _is_alarm(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) for v in values)


def _is_of_epoch(values: Any) -> bool:
    return (
        isinstance(values, dict)
        and type(values.get("epoch")) is int
        and isinstance(values.get("dead"), dict)
        and all(
            type(share) in (int, float) and 0 <= share <= 1
            for share in values["dead"].values()
        )
    )
