"""Which versions of a model there are, and which of them to serve."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable

from alexnet_tf.files.versions import versions_in


def latest(count: int = 1) -> Callable[[Iterable[int]], list[int]]:
    """Policy: the `count` highest versions."""
    return lambda versions: sorted(versions)[-count:]


def every() -> Callable[[Iterable[int]], list[int]]:
    """Policy: all versions."""
    return sorted


def specific(numbers: Iterable[int]) -> Callable[[Iterable[int]], list[int]]:
    """Policy: the versions of these numbers, where they exist."""
    return lambda versions: sorted(set(numbers) & set(versions))


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A model to serve.

    Attributes:
        name: in URLs.
        base_path: folder with a folder per version, named by its number.
        policy: from the versions there are, those to serve.
        labels: {name of a version: its number}.
    """

    name: str
    base_path: str
    policy: Callable = dataclasses.field(default_factory=latest)
    labels: dict = dataclasses.field(default_factory=dict)


def versions_on_disk(base_path: str | pathlib.Path) -> dict[int, pathlib.Path]:
    """{number: path} of the versions in a base folder.

    Raises:
        OSError: the folder cannot be listed.
    """
    return {
        number: path
        for number, path in versions_in(base_path).items()
        if path.is_dir()
    }
