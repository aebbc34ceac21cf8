"""Predictions as the ImageNet challenge (ILSVRC) takes them.

A text file with a line per test image: the numbers, from 1, of its five most
probable classes, best first, separated by spaces. The challenge numbers the
classes in an order of its own, not in the order of their WordNet ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alexnet_tf.data.sources.imagenet_classes import names_by_wnid
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.text import counted, read_text


def numbers_of(
    class_names: Sequence[str], synsets: str | None = None
) -> dict[str, int]:
    """{class name: number from 1}.

    Args:
        class_names: in label order, which is taken without `synsets`.
        synsets: path of a file with a WordNet id or class name a line, in
            the order of the numbers; what follows the id is ignored.

    Raises:
        UserError: the file cannot be read or lacks a class.
    """
    order = class_names
    if synsets:
        with readable(synsets):
            lines = read_text(synsets).splitlines()
        order = [_name_on(line) for line in lines]
    numbers = {name: number for number, name in enumerate(order, 1)}
    missing = [name for name in class_names if name not in numbers]
    if missing:
        raise UserError(
            f"--synsets={synsets} lacks "
            f"{counted(len(missing), 'class', 'classes')} of the "
            f"network, such as {missing[0]}: it needs a line for each"
        )
    return numbers


def _name_on(line: str) -> str:
    words = line.split(maxsplit=1)
    wnid = words[0] if words else ""
    return names_by_wnid().get(wnid, line.strip())


def submission_text(
    results: Iterable[Mapping[str, Any]], numbers: Mapping[str, int]
) -> str:
    """The file's text.

    Args:
        results: one dict with "classes" per image, best first; an image
            without, which could not be decoded, gets an empty line.
        numbers: see `numbers_of`.
    """
    return "".join(
        " ".join(str(numbers[name]) for name in result.get("classes", ()))
        + "\n"
        for result in results
    )
