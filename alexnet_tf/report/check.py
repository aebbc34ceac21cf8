"""The page about a set of images: what is wrong with it, with pictures."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from alexnet_tf.check.findings import (
    CheckedImage,
    ClassSize,
    Finding,
    Match,
)
from alexnet_tf.check.near import BITS
from alexnet_tf.files.text import printable
from alexnet_tf.report.page import Section, page
from alexnet_tf.report.rendering import render

MOST_SHOWN = 40  # pairs, groups or images of a finding
MOST_IN_GROUP = 6
MOST_TEXTS = 200


def shown_numbers(found: Iterable[Finding]) -> set[int]:
    """Numbers of the images whose thumbnails `check_page` shows."""
    return {
        image.number
        for finding in found
        for _, images in _groups(finding)
        for image in images
        if not image.facts.error
    }


def check_page(
    title: str,
    images: Mapping[str, int],
    sizes: Sequence[ClassSize],
    found: Sequence[Finding],
    thumbnails: Mapping[int, np.ndarray],
) -> str:
    """A whole HTML document.

    Args:
        title: what was looked at.
        images: {"train", "validation": number of images}.
        sizes: of the classes.
        found: see `check.findings.findings`.
        thumbnails: uint8 [H, W, 3] by number; what is absent is not shown.
    """
    facts = [
        ("Training images", f"{images['train']:,}"),
        ("Validation images", f"{images['validation']:,}"),
        ("Classes", f"{len(sizes):,}"),
        ("Findings", f"{sum(bool(f.count) for f in found)}"),
    ]
    sections = [
        Section(
            "findings",
            "What was looked for",
            render(
                "check_findings",
                rows=[
                    (f.title, *finding_in_words(f, len(sizes), images))
                    for f in found
                ],
            ),
        ),
        *(_section(f, thumbnails) for f in found if f.count),
        Section(
            "classes",
            "Classes",
            render("check_classes", head=CLASS_HEAD, rows=class_rows(sizes)),
        ),
    ]
    return page(title, render("check", facts=facts), sections)


CLASS_HEAD = ("class", "train", "validation", "median width x height")


def class_rows(sizes: Iterable[ClassSize]) -> list[tuple[str, ...]]:
    """The cells of the table of classes, in label order."""
    return [
        (
            size.name,
            f"{size.train:,}",
            f"{size.validation:,}",
            f"{size.width}x{size.height}" if size.width else "",
        )
        for size in sizes
    ]


def finding_in_words(
    finding: Finding, classes: int, images: Mapping[str, int]
) -> tuple[str, str]:
    """How many were found, and of how many.

    Args:
        finding: a `Finding`.
        classes: number of classes.
        images: see `check_page`.
    """
    if finding.not_looked_for:
        return "?", "not looked for"
    if finding.is_about_classes:
        return f"{finding.count:,}", f"{classes:,} classes"
    if finding.key.endswith("leaks"):
        total = images["validation"]
    else:
        total = sum(images.values())
    return f"{finding.count:,}", f"{total:,} images"


def _section(finding: Finding, thumbnails: Mapping[int, np.ndarray]) -> Section:
    texts = [
        _text(item) for item in finding.found if not _is_shown_as_picture(item)
    ]
    groups = [
        (caption, [_tile(image, thumbnails) for image in images])
        for caption, images in _groups(finding)
    ]
    body = render(
        "check_finding",
        advice=finding.advice,
        texts=texts[:MOST_TEXTS],
        groups=groups,
        shown=min(len(texts), MOST_TEXTS) or _most(finding),
        total=len(finding.found),
    )
    title = finding.title[0].upper() + finding.title[1:]
    return Section(finding.key, f"{title}: {finding.count:,}", body)


def _is_shown_as_picture(item: Match | CheckedImage | str) -> bool:
    if isinstance(item, CheckedImage):
        return not item.facts.error
    return isinstance(item, Match)


def _text(item: Match | CheckedImage | str) -> str:
    if isinstance(item, CheckedImage):
        return f"{printable(item.facts.key)} ({item.facts.error})"
    return str(item)


def _most(finding: Finding) -> int:
    return min(len(finding.found), MOST_SHOWN)


def _groups(
    finding: Finding,
) -> list[tuple[str, tuple[CheckedImage, ...]]]:
    """[(caption, images)]: a match each, or all single images together."""
    shown = [f for f in finding.found[:MOST_SHOWN] if _is_shown_as_picture(f)]
    single = tuple(image for image in shown if isinstance(image, CheckedImage))
    groups = [("", single)] if single else []
    for match in shown:
        if isinstance(match, Match):
            groups.append((_caption(match), _few(match.images)))
    return groups


def _few(images: tuple[CheckedImage, ...]) -> tuple[CheckedImage, ...]:
    """Some images of a group: first one of each split and class."""
    kinds = {(i.split, i.class_name): i for i in reversed(images)}
    first = sorted(kinds.values(), key=lambda image: image.number)
    rest = [image for image in images if image not in first]
    return tuple([*first, *rest][:MOST_IN_GROUP])


def _caption(match: Match) -> str:
    if match.bits is not None:
        return f"{match.bits} of {BITS} bits of their hashes differ"
    more = len(match.images) - MOST_IN_GROUP
    return f"{len(match.images)} images with the same contents" + (
        f", {more} of them not shown" if more > 0 else ""
    )


def _tile(
    image: CheckedImage, thumbnails: Mapping[int, np.ndarray]
) -> dict[str, Any]:
    return {
        "pixels": thumbnails.get(image.number),
        "split": image.split,
        "class_name": image.class_name,
        "name": printable(image.facts.key),
        "detail": f"{image.facts.width}x{image.facts.height} pixels",
    }
