"""What is told of a user's own images before they are trained on.

It costs a second or two, however many there are: class sizes, and copies among
a bounded number of files. Files that have no other's size are no copies of
one, so only those of one size are read.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alexnet_tf.check.findings import SPLITS, CheckedImage, copies, example
from alexnet_tf.check.image_facts import ImageFacts
from alexnet_tf.data.image_set import Source, Split

MOST_FILES = 1000
MOST_BYTES = 2**28


class _Place(NamedTuple):
    """Where an image belongs."""

    name: str
    split: Split
    number: int
    class_name: str


def short_look(source: Source) -> str | None:
    """A line on the images of a new run.

    Args:
        source: with both splits.

    Returns:
        None where the images are not files that this program looks after.
    """
    groups: dict[int | None, list[_Place]] = {}
    for name, split in zip(
        SPLITS, (source.train, source.validation), strict=True
    ):
        if not (split and split.content_of and split.bytes_of):
            return None
        ids, labels = split.ids_and_labels()
        for number, label in zip(ids.tolist(), labels.tolist(), strict=True):
            place = _Place(name, split, number, source.class_names[label])
            groups.setdefault(split.bytes_of(number), []).append(place)
    suspects = [
        (size, places)
        for size, places in groups.items()
        if size and len(places) > 1
    ]
    # Few files of one size are more likely copies than many, and leaks do
    # more harm than copies in one split.
    suspects.sort(key=lambda s: (len({p.name for p in s[1]}) == 1, len(s[1])))
    read = list(_read(suspects))
    total = sum(len(places) for _, places in suspects)
    found = [
        f"{finding.title}: {finding.count}, such as {example(finding)}"
        for finding in copies(read)
        if finding.count
    ]
    return (
        f"a short look at the images: {_class_sizes(source)}; "
        f"{'; '.join(found) or 'no copies'} among the {len(read)} files that "
        "were compared"
        + (
            f", of {total} that have another's size"
            if total > len(read)
            else ", all that have another's size"
        )
    )


def _class_sizes(source: Source) -> str:
    _, labels = source.train.ids_and_labels()
    sizes = np.bincount(labels, minlength=len(source.class_names))
    if sizes.min() == sizes.max():
        return f"{sizes.min()} training images in each class"
    return (
        f"{sizes.min()} ({source.class_names[sizes.argmin()]}) to "
        f"{sizes.max()} training images in a class"
    )


def _read(suspects: list[tuple[int, list[_Place]]]) -> Iterator[CheckedImage]:
    """The first images, as many as may be read, with their SHA-256; those
    that cannot be read are absent."""
    files = ((size, place) for size, places in suspects for place in places)
    size_of_all = 0
    for count, (size, place) in enumerate(files):
        size_of_all += size
        if count == MOST_FILES or size_of_all > MOST_BYTES:
            return
        assert place.split.content_of
        try:
            content = place.split.content_of(place.number)
        except OSError:
            continue  # training tells of it
        digest = hashlib.sha256(content).hexdigest()
        facts = ImageFacts(place.split.key(place.number), "", digest)
        yield CheckedImage(count, place.name, place.class_name, facts)
