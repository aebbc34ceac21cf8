"""The class names beside the graph, for people and other programs."""

import pathlib
from collections.abc import Iterable


def write_labels(
    version: str | pathlib.Path, class_names: Iterable[str]
) -> None:
    """Writes `assets/labels.txt`: one name a line, UTF-8, in label order.

    Args:
        version: path of the SavedModel.
        class_names: one per logit.
    """
    file = pathlib.Path(version) / "assets" / "labels.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(f"{name}\n" for name in class_names), "utf-8")
