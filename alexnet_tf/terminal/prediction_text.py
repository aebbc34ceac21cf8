"""Predictions as people read them."""

from collections.abc import Mapping
from typing import Any

from alexnet_tf.files.text import printable


def prediction_text(result: Mapping[str, Any]) -> str:
    """A result as lines to read.

    Args:
        result: {"file", "classes", "probabilities"}, or {"file", "error"}.
    """
    file = printable(result["file"])
    if "error" in result:
        return f"{file}\n  not predicted"
    lines = [
        f"  {probability:6.3f}  {name}"
        for name, probability in zip(
            result["classes"], result["probabilities"], strict=True
        )
    ]
    return "\n".join([file, *lines])
