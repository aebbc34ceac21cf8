"""The 1000 classes of ImageNet (ILSVRC-2012) and their English names.

imagenet_classes.txt has a WordNet id and a name a line, sorted by id: the
label order of TFDS and of this program. The name is the first of the
synset's words in WordNet 3.0; three of them are longer, since two classes
are cranes and two maillots.
"""

import functools
import pathlib
import re
from collections.abc import Sequence

VALIDATION_NAME = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
FILE = pathlib.Path(__file__).with_suffix(".txt")


@functools.cache
def names_by_wnid() -> dict[str, str]:
    """{"n01440764": "tench", ...}, 1000 of them, in label order."""
    lines = FILE.read_text("utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def english_names(class_names: Sequence[str]) -> tuple[str, ...]:
    """English names where all of `class_names` are WordNet ids of ImageNet.

    Args:
        class_names: in label order.

    Returns:
        A tuple: the English names, or `class_names` as they were.
    """
    names = names_by_wnid()
    if all(name in names for name in class_names):
        return tuple(names[name] for name in class_names)
    return tuple(class_names)


def are_imagenets(class_names: tuple[str, ...]) -> bool:
    """Whether these are the 1000 classes, in any order."""
    return sorted(class_names) == sorted(names_by_wnid().values())
