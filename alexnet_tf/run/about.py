"""Which network answers: one line about a run, and in what is exported."""

import pathlib
from typing import Any

from alexnet_tf.files.text import counted, few
from alexnet_tf.run.folder import Run

FILE = pathlib.Path("assets") / "about.txt"  # of an exported version


def about_run(run: Run) -> str:
    """The run, its images and classes, in one line.

    Raises:
        UserError: dataset.json is missing or damaged.
    """
    dataset = run.read_dataset()
    name, origin = dataset.get("name", "unknown images"), "trained on"
    if "imported_from" in dataset:
        file = dataset["imported_from"]["file"]
        origin = f"weights imported from {file}, classes of"
    return f"run {run.path}: {origin} {name}, {_classes(dataset)}"


def write_about(version: pathlib.Path, run: Run) -> None:
    """Says in an exported version which run it comes from."""
    (version / FILE).write_text(f"{about_run(run)}\n", "utf-8")


def about_version(version: pathlib.Path) -> str:
    """The path of an exported version, and what `write_about` wrote there."""
    file = version / FILE
    if not file.is_file():  # as versions were exported before
        return str(version)
    return f"{version}: {file.read_text('utf-8').strip()}"


def _classes(dataset: dict[str, Any]) -> str:
    names = dataset["class_names"]
    return f"{counted(len(names), 'class', 'classes')}: {few(names)}"
