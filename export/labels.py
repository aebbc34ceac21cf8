"""The class names beside the graph, for people and other programs."""

import pathlib
import zipfile
from collections.abc import Iterable

FILE = "labels.txt"


def write_labels(
    version: str | pathlib.Path, class_names: Iterable[str]
) -> None:
    """Writes `assets/labels.txt`: one name a line, UTF-8, in label order.

    Args:
        version: path of the SavedModel.
        class_names: one per logit.
    """
    file = pathlib.Path(version) / "assets" / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(_lines(class_names), "utf-8")


def append_labels(file: pathlib.Path, class_names: Iterable[str]) -> None:
    """Adds `labels.txt` to a zip archive, or puts one at the end of a file."""
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(FILE, _lines(class_names))


def _lines(class_names: Iterable[str]) -> str:
    return "".join(f"{name}\n" for name in class_names)
