"""What a run began with: the trained network, and what that began with."""

import json
import pathlib
from typing import Any

from alexnet_tf.files.atomic import readable, write_text
from alexnet_tf.run.folder import Run
from alexnet_tf.run.provenance import read_starts

IMPORTED = "imported_from"  # key of dataset.json


def record_beginning(run: Run, beginning: dict[str, Any]) -> None:
    """Writes into starts.json with what the newest start began.

    Args:
        run: a `Run` that has been created.
        beginning: a dict that JSON can hold, see `beginning_of`.
    """
    *before, newest = read_starts(run.starts_file)
    starts = [*before, {**newest, "init": beginning}]
    write_text(run.starts_file, json.dumps(starts, indent=2) + "\n")


def beginning_of(run: Run) -> dict[str, Any] | None:
    """What a run began with, or None where its first weights were random.

    Returns:
        A dict. `imported_from`: file and SHA-256 of weights that were
        imported. Or `source`, the path of a run or a weights file, `sha256`
        of its weights, `layers` that were taken, `classes`, how many of the
        last layer, `statistics`, whose they are, `images` and `licence` of the
        source, and `before`, what that began with.
    """
    with readable(run.dataset_file):
        dataset = run.read_dataset()
    if IMPORTED in dataset:
        return {IMPORTED: dataset[IMPORTED]}
    for start in reversed(read_starts(run.starts_file)):
        if "init" in start:
            return start["init"]
    return None


def ancestry(run: Run) -> list[str]:
    """What a run began with, as sentences, the nearest ancestor first."""
    told, beginning, whose = [], beginning_of(run), "This run"
    while beginning:
        if IMPORTED in beginning:
            file, digest = beginning[IMPORTED].values()
            told.append(
                f"{whose}'s weights were imported from {file}, SHA-256 "
                f"{digest}."
            )
            break
        whose_next = pathlib.PurePath(beginning["source"]).name
        layers = ", ".join(beginning["layers"])
        told.append(
            f"{whose} began with {layers} of {whose_next}, SHA-256 "
            f"{beginning['sha256']}, trained on {beginning['images']} "
            f"({beginning['licence'].rstrip('.')})."
        )
        whose, beginning = whose_next, beginning["before"]
    return told
