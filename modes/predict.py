"""--mode=predict: the most probable classes of image files."""

from __future__ import annotations

import collections
import concurrent.futures
import functools
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_tf.data.named_images import files_of
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ensemble import (
    Member,
    check_same_answers,
    digest,
    loaded_member,
    open_members,
)
from alexnet_tf.evaluation.evaluate import IMAGES_PER_BATCH
from alexnet_tf.evaluation.prediction_table import fill_table
from alexnet_tf.evaluation.submission import numbers_of, submission_text
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.files.text import counted, printable
from alexnet_tf.options import Options
from alexnet_tf.run.folder import trained_run
from alexnet_tf.run.trained import load_trained
from alexnet_tf.terminal.prediction_text import prediction_text
from modes.image_files import (
    UnusableImage,
    read_record,
    report_failed,
    with_progress,
)

if TYPE_CHECKING:
    from alexnet_tf.analysis.explanation import Explanations

SHOWN = 5
CROPS = 10
AHEAD = 2  # batches


def main(options: Options) -> int:
    """Predicts each file with ten crops; returns the exit code.

    A file that cannot be used is reported in its place, and the exit code is
    2 once all files are done.
    """
    files = files_of(
        options.images, "--mode=predict needs --image=FILE", options.csv
    )
    if options.explain:
        check_apart(options.explain, options.images, files)
    members, explanations = load_members(options, files)
    print("\n".join(member.about for member in members), flush=True)
    predictions_of = functools.partial(
        predictions, members, explanations=explanations
    )
    if options.csv:
        failed = fill_table(
            options.csv,
            files=files,
            results_of=predictions_of,
            network=digest(members),
            threshold=options.threshold,
        )
        say_where(explanations, options)
        return report_failed(failed)
    names = members[0].class_names
    numbers = numbers_of(names, options.synsets) if options.submission else {}
    found = predictions_of(files)
    results = list(with_progress(found, len(files), "predict"))
    say_where(explanations, options)
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


def load_members(
    options: Options, files: Sequence[str]
) -> tuple[list[Member], Explanations | None]:
    """The run, or all of --runs, and what writes the pictures of --explain."""
    if not options.runs:
        run = trained_run(options.run)
        trained = load_trained(run, options.tower_devices)
        members = [loaded_member(run, trained, CROPS)]
        if not options.explain:
            return members, None
        # Matplotlib takes a second, which predictions alone do without.
        from alexnet_tf.analysis.explanation import Explanations
        from alexnet_tf.analysis.grad_cam import Evidence

        evidence = Evidence(trained.network, trained.crop)
        return members, Explanations(options.explain, files, evidence)
    openers = open_members(options.runs, CROPS, options.tower_devices)
    members = [opener() for opener in openers]
    check_same_answers(members)
    return members, None


def check_apart(
    explain: str, images: Sequence[str], files: Sequence[str]
) -> None:
    """Refuses pictures among the images.

    They would take the place of images, or be predicted next time.

    Args:
        explain: folder of the pictures.
        images: files, folders and patterns that are named.
        files: all that these stand for.

    Raises:
        UserError: the folder lies in one of images, or one of files in it.
    """
    folder = pathlib.Path(explain).resolve()
    for place in {os.path.dirname(file) for file in files}:
        if pathlib.Path(place).resolve().is_relative_to(folder):
            raise UserError(
                f"--explain={explain} holds images that are predicted, in "
                f"{place or '.'}, and pictures would lie among them: name a "
                "folder elsewhere"
            )
    for image in map(pathlib.Path, images):
        if image.is_dir() and folder.is_relative_to(image.resolve()):
            raise UserError(
                f"--explain={explain} lies in {image}, whose images are "
                "predicted, and its pictures would be next time: name a "
                "folder elsewhere"
            )


def say_where(explanations: Explanations | None, options: Options) -> None:
    """Where the pictures are, and how many."""
    if explanations:
        written = counted(explanations.written, "picture")
        print(f"{options.explain}: {written} of the evidence")


def predictions(
    members: list[Member],
    files: Sequence[str],
    explanations: Explanations | None = None,
) -> Iterator[dict[str, Any]]:
    """{"file", "classes", "probabilities"}, or {"file", "error"}, of each."""
    names = members[0].class_names
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
            if explanations:
                captions = [f"{names[i]} {row[i]:.1%}" for i in best]
                explanations.write(file, record, best, captions)
            yield {
                "file": shown,
                "classes": [names[i] for i in best],
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
