"""What is wrong with a set of images, from the facts about each of them."""

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from alexnet_tf.check.image_facts import ImageFacts
from alexnet_tf.check.near import hash_signs, nearest
from alexnet_tf.files.text import printable

SPLITS = ("train", "validation")
# Pixels of the shorter side. It becomes 256: from fewer than a quarter of
# that a network sees blur.
SMALL_SIDE = 64
# The longer side over the shorter one: the centre crop of a longer image has
# less than a third of it.
MOST_EXTREME = 3
# Images of the largest class over those of a class.
MOST_UNBALANCED = 10


@dataclasses.dataclass(frozen=True)
class CheckedImage:
    """An image, where it belongs and what is known of it.

    Attributes:
        number: its place among all images, training images first.
        split: train or validation.
        class_name: its class.
        facts: the `ImageFacts`.
    """

    number: int
    split: str
    class_name: str
    facts: ImageFacts


@dataclasses.dataclass(frozen=True)
class Match:
    """Images that are the same picture.

    Attributes:
        images: two or more `CheckedImage`s.
        bits: bits of the perceptual hash that differ; None: their contents
            are the same.
    """

    images: tuple[CheckedImage, ...]
    bits: int | None = None


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        key: a word.
        title: what it is called.
        advice: what to do about it, a sentence.
        found: what was found: `Match`es, `CheckedImage`s or texts.
        count: how many images, or classes, that concerns.
        is_about_classes: whether it is not about images.
        not_looked_for: why nobody looked, or None.
    """

    key: str
    title: str
    advice: str
    found: Sequence[Match | CheckedImage | str]
    _: dataclasses.KW_ONLY
    count: int
    is_about_classes: bool = False
    not_looked_for: str | None = None


@dataclasses.dataclass(frozen=True)
class ClassSize:
    """A class: its name, the images that can be used in each split, and the
    median width and height of all of them in pixels, 0 without any."""

    name: str
    train: int
    validation: int
    _: dataclasses.KW_ONLY
    width: int
    height: int


def checked_images(
    facts: Sequence[Sequence[tuple[int, ImageFacts]]],
    class_names: Sequence[str],
) -> list[CheckedImage]:
    """The images of `image_facts`, numbered."""
    images = []
    for split, found in zip(SPLITS, facts, strict=False):
        for label, known in found:
            images.append(
                CheckedImage(len(images), split, class_names[label], known)
            )
    return images


def class_sizes(
    images: Iterable[CheckedImage], class_names: Iterable[str]
) -> list[ClassSize]:
    """A `ClassSize` for each class, in label order."""
    of_class = {name: [] for name in class_names}
    for image in images:
        if not image.facts.error:
            of_class[image.class_name].append(image)
    return [
        ClassSize(
            name,
            *(sum(i.split == split for i in own) for split in SPLITS),
            **{
                side: int(
                    np.median([getattr(i.facts, side) for i in own] or [0])
                )
                for side in ("width", "height")
            },
        )
        for name, own in of_class.items()
    ]


def findings(
    images: Sequence[CheckedImage],
    sizes: Sequence[ClassSize],
    near_left_out: str | None,
    unread: Sequence[str],
) -> list[Finding]:
    """All that is looked for, worst first, also where nothing was found.

    A pair of images is a leak where one trains and the other validates, and
    has two labels where their classes differ; it may be both. It is a mere
    duplicate where it is neither. Near pairs are of different contents, and
    have each image with the nearest to it, not with all that are near.

    Args:
        images: see `checked_images`.
        sizes: see `class_sizes`.
        near_left_out: why perceptual hashes are not there, or None.
        unread: names of images of formats that are not read.
    """
    usable = [image for image in images if not image.facts.error]
    leaks, two_labels, duplicates = copies(usable)
    near = {} if near_left_out else _near_pairs(usable)
    return [
        _of_images(
            "unusable",
            "cannot be used",
            "Mend or remove them: training leaves them out.",
            [image for image in images if image.facts.error],
        ),
        Finding(
            "unread",
            "besides, images of formats that are not read",
            "Save them as JPEG first: training leaves them out.",
            list(map(printable, unread)),
            count=len(unread),
        ),
        leaks,
        _of_matches(
            "near_leaks",
            "validation images that nearly are training images",
            "Look at the pairs, and keep copies of one picture in one split.",
            near.get("leaks", []),
            lambda image: image.split == "validation",
            near_left_out,
        ),
        two_labels,
        _of_matches(
            "near_two_labels",
            "nearly the same image under two classes",
            "Look at the pairs: one of the labels may be wrong.",
            near.get("two_labels", []),
            not_looked_for=near_left_out,
        ),
        duplicates,
        _of_matches(
            "near_duplicates",
            "near copies within a class",
            "Look at the pairs: bursts and copies of one picture tell less "
            "than their number.",
            near.get("duplicates", []),
            not_looked_for=near_left_out,
        ),
        _of_images(
            "blank",
            "of a single colour",
            "Remove them: there is nothing to see.",
            [image for image in usable if image.facts.is_blank],
        ),
        _of_images(
            "small",
            f"shorter side under {SMALL_SIDE} pixels",
            "Look for the originals: it is enlarged to 256 pixels.",
            [image for image in usable if min(_sides(image)) < SMALL_SIDE],
        ),
        _of_images(
            "extreme",
            f"one side over {MOST_EXTREME} times the other",
            "Crop them to what counts: the network sees the square in the "
            "middle.",
            [
                image
                for image in usable
                if max(_sides(image)) > MOST_EXTREME * min(_sides(image))
            ],
        ),
        _of_classes(
            "imbalance",
            f"under 1/{MOST_UNBALANCED} of the largest class' training images",
            "Add images to them: the error is mostly that of large classes.",
            _unbalanced(sizes),
        ),
        _of_classes(
            "one_split_only",
            "classes without images in one of the splits",
            "Add images, or give the class one name in both splits.",
            _in_one_split(sizes),
        ),
        _of_classes(
            "names",
            "classes whose names look like another's",
            "If they are one class, give it one name.",
            _alike(sizes),
        ),
    ]


def copies(usable: Iterable[CheckedImage]) -> list[Finding]:
    """Images with the same contents: leaks, under two classes, mere copies.

    Args:
        usable: images; of their facts only the SHA-256 is used.
    """
    groups = _same_contents(usable)
    return [
        _of_matches(
            "leaks",
            "validation images that are training images too",
            "Remove one of the two: the validation error counts what was "
            "learned by heart.",
            _leaks(groups),
            lambda image: image.split == "validation",
        ),
        _of_matches(
            "two_labels",
            "the same image under two classes",
            "One of the labels is wrong: remove that copy.",
            _under_two_labels(groups),
        ),
        _of_matches(
            "duplicates",
            "copies within a class",
            "Keep one: copies count as often as they are there.",
            _copies(groups),
        ),
    ]


def _of_images(
    key: str, title: str, advice: str, found: list[CheckedImage]
) -> Finding:
    return Finding(key, title, advice, found, count=len(found))


def _of_classes(key: str, title: str, advice: str, found: list[str]) -> Finding:
    return Finding(
        key,
        title,
        advice,
        found,
        count=len(found),
        is_about_classes=True,
    )


def _of_matches(
    key: str,
    title: str,
    advice: str,
    found: list[Match],
    is_counted: Callable[[CheckedImage], bool] = lambda image: True,
    not_looked_for: str | None = None,
) -> Finding:
    counted = {
        image.number
        for match in found
        for image in match.images
        if is_counted(image)
    }
    return Finding(
        key,
        title,
        advice,
        found,
        count=len(counted),
        not_looked_for=not_looked_for,
    )


def _sides(image: CheckedImage) -> tuple[int, int]:
    return image.facts.width, image.facts.height


def _same_contents(usable: Iterable[CheckedImage]) -> list[list[CheckedImage]]:
    """Groups of two or more images with one content."""
    groups: dict[str | None, list[CheckedImage]] = {}
    for image in usable:
        groups.setdefault(image.facts.sha256, []).append(image)
    return [group for group in groups.values() if len(group) > 1]


def _leaks(groups: Iterable[list[CheckedImage]]) -> list[Match]:
    """Groups with images of both splits."""
    return [
        Match(tuple(group))
        for group in groups
        if len({image.split for image in group}) > 1
    ]


def _under_two_labels(groups: Iterable[list[CheckedImage]]) -> list[Match]:
    return [
        Match(tuple(group))
        for group in groups
        if len({image.class_name for image in group}) > 1
    ]


def _copies(groups: Iterable[list[CheckedImage]]) -> list[Match]:
    """The parts of groups that share a split and a class."""
    parts: dict[tuple[str | None, str, str], list[CheckedImage]] = {}
    for group in groups:
        for image in group:
            place = (image.facts.sha256, image.split, image.class_name)
            parts.setdefault(place, []).append(image)
    return [Match(tuple(part)) for part in parts.values() if len(part) > 1]


def _near_pairs(usable: Iterable[CheckedImage]) -> dict[str, list[Match]]:
    """{"leaks", "two_labels", "duplicates": pairs, nearest first}."""
    # Of the copies, one for each split and class is enough.
    one_of = {
        (image.facts.sha256, image.split, image.class_name): image
        for image in reversed(list(usable))
        if image.facts.phash
    }
    images = sorted(one_of.values(), key=lambda image: image.number)
    if not images:
        return {}
    signs = hash_signs([image.facts.phash or "" for image in images])
    content, split, label = (
        np.unique([part(image) for image in images], return_inverse=True)[1]
        for part in (
            lambda image: image.facts.sha256,
            lambda image: image.split,
            lambda image: image.class_name,
        )
    )

    def other(what: np.ndarray, row: int) -> np.ndarray:
        return what != what[row]

    kinds = {
        "leaks": lambda i: other(content, i) & other(split, i),
        "two_labels": lambda i: other(content, i) & other(label, i),
        "duplicates": lambda i: (
            other(content, i) & ~other(split, i) & ~other(label, i)
        ),
    }
    matches = {}
    for kind, (partner, bits) in zip(
        kinds, nearest(signs, list(kinds.values())), strict=True
    ):
        pairs = {
            (int(bits[row]), *sorted((row, int(partner[row]))))
            for row in np.flatnonzero(partner >= 0).tolist()
        }
        matches[kind] = [
            Match((images[one], images[two]), different)
            for different, one, two in sorted(pairs)
        ]
    return matches


def _unbalanced(sizes: Sequence[ClassSize]) -> list[str]:
    largest = max(size.train for size in sizes)
    return [
        f"{size.name}: {size.train} of {largest}"
        for size in sizes
        if 0 < size.train * MOST_UNBALANCED < largest
    ]


def _in_one_split(sizes: Iterable[ClassSize]) -> list[str]:
    return [
        f"{size.name}: {size.train} train, {size.validation} validation"
        for size in sizes
        if not (size.train and size.validation)
    ]


def _alike(sizes: Iterable[ClassSize]) -> list[str]:
    """Names that differ in case, Unicode form, blanks or dashes alone."""
    names: dict[str, list[str]] = {}
    for size in sizes:
        plain = unicodedata.normalize("NFKC", size.name).casefold()
        names.setdefault(re.sub(r"[\s_-]+", "", plain), []).append(size.name)
    return [
        ", ".join(map(_distinct, alike))
        for alike in names.values()
        if len(alike) > 1
    ]


def _distinct(name: str) -> str:
    # Two Unicode forms of a name look the same without this.
    return name if name.isascii() else f"{name} ({ascii(name)[1:-1]})"


def example(finding: Finding) -> str:
    """The first of what was found, in a few words; "" where nothing was."""
    if not finding.found:
        return ""
    first = finding.found[0]
    if isinstance(first, str):
        return first
    if isinstance(first, Match):
        sign = "=" if first.bits is None else "~"
        one, other = _differing(first.images)
        return f"{printable(one.facts.key)} {sign} {printable(other.facts.key)}"
    name, error = printable(first.facts.key), first.facts.error
    return f"{name} ({error})" if error else name


def _differing(
    images: Sequence[CheckedImage],
) -> tuple[CheckedImage, CheckedImage]:
    """The first image, and the first of another split or class if any."""
    one = images[0]
    place = (one.split, one.class_name)
    others = (i for i in images if (i.split, i.class_name) != place)
    return one, next(others, images[1])


def as_json(item: Match | CheckedImage | str) -> object:
    """What check.json has for something that was found."""
    if isinstance(item, Match):
        images = [as_json(image) for image in item.images]
        return {"images": images, "different_bits": item.bits}
    if isinstance(item, CheckedImage):
        known = {
            "name": printable(item.facts.key),
            "split": item.split,
            "class": item.class_name,
        }
        if item.facts.error:
            return {**known, "error": item.facts.error}
        width, height = _sides(item)
        return {**known, "width": width, "height": height}
    return item
