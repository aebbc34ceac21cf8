"""--mode=predict: the most probable classes of image files."""

import collections
import concurrent.futures
import functools
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from alexnet_tf.data.named_images import files_of
from alexnet_tf.evaluation.ensemble import (
    Member,
    check_same_answers,
    digest,
    open_members,
    run_member,
)
from alexnet_tf.evaluation.evaluate import IMAGES_PER_BATCH
from alexnet_tf.evaluation.prediction_table import fill_table
from alexnet_tf.evaluation.submission import numbers_of, submission_text
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.files.text import printable
from alexnet_tf.options import Options
from alexnet_tf.run.folder import trained_run
from alexnet_tf.terminal.prediction_text import prediction_text
from modes.image_files import (
    UnusableImage,
    read_record,
    report_failed,
    with_progress,
)

SHOWN = 5
CROPS = 10
AHEAD = 2  # batches


def main(options: Options) -> int:
    """Predicts each file with ten crops; returns the exit code.

    A file that cannot be used is reported in its place, and the exit code is
    2 once all files are done.
    """
    files = files_of(options.images, "--mode=predict needs --image=FILE")
    members = load_members(options)
    print("\n".join(member.about for member in members), flush=True)
    if options.csv:
        return report_failed(
            fill_table(
                options.csv,
                files=files,
                results_of=functools.partial(predictions, members),
                network=digest(members),
                threshold=options.threshold,
            )
        )
    names = members[0].class_names
    numbers = numbers_of(names, options.synsets) if options.submission else {}
    found = predictions(members, files)
    results = list(with_progress(found, len(files), "predict"))
    if options.submission:
        with writable(options.submission):
            write_text(
                pathlib.Path(options.submission),
                submission_text(results, numbers),
            )
    if options.json:
        print(json.dumps(results))
    else:
        print("\n".join(map(prediction_text, results)))
    return report_failed(results)


def load_members(options: Options) -> list[Member]:
    """The run, or all of --runs."""
    if not options.runs:
        run = trained_run(options.run)
        return [run_member(run, CROPS, options.tower_devices)]
    openers = open_members(options.runs, CROPS, options.tower_devices)
    members = [opener() for opener in openers]
    check_same_answers(members)
    return members


def predictions(
    members: list[Member], files: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """{"file", "classes", "probabilities"}, or {"file", "error"}, of each."""
    for batch in batches(files, IMAGES_PER_BATCH[CROPS]):
        records = [r for _, r in batch if not isinstance(r, UnusableImage)]
        rows = iter(mean_probabilities(members, records))
        for file, record in batch:
            shown = printable(file)
            if isinstance(record, UnusableImage):
                yield {"file": shown, "error": str(record)}
                continue
            row = next(rows)
            best = row.argsort()[::-1][:SHOWN]
            yield {
                "file": shown,
                "classes": [members[0].class_names[i] for i in best],
                "probabilities": [float(row[i]) for i in best],
            }


def mean_probabilities(
    members: list[Member], records: list[np.ndarray]
) -> np.ndarray:
    """The members' mean, float64 [B, classes], of B records."""
    if not records:
        return np.empty((0, len(members[0].class_names)))
    batch = np.stack(records)
    return np.mean([m.probabilities(batch) for m in members], axis=0)


def batches(
    files: Sequence[str], size: int
) -> Iterator[list[tuple[str, np.ndarray | UnusableImage]]]:
    """Lists of (file, its record or why there is none).

    While one is predicted the next two are read, in as many threads as there
    are processors.
    """
    starts = range(0, len(files), size)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting: collections.deque = collections.deque()
        for start in starts:
            batch = files[start : start + size]
            waiting.append((batch, [pool.submit(_record, f) for f in batch]))
            if len(waiting) > AHEAD:
                yield _read(*waiting.popleft())
        while waiting:
            yield _read(*waiting.popleft())


def _record(file: str) -> np.ndarray | UnusableImage:
    try:
        return read_record(file)
    except UnusableImage as error:
        return error


def _read(
    files: Sequence[str], records: list[concurrent.futures.Future]
) -> list[tuple[str, np.ndarray | UnusableImage]]:
    return [(f, r.result()) for f, r in zip(files, records, strict=True)]
