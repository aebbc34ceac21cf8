"""--mode=check: what is wrong with a set of images, before it is trained on."""

import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from alexnet_tf.check.findings import (
    SPLITS,
    ClassSize,
    Finding,
    as_json,
    checked_images,
    class_sizes,
    example,
    findings,
)
from alexnet_tf.check.image_facts import image_facts, perceptual_hash
from alexnet_tf.check.thumbnails import thumbnails
from alexnet_tf.config import check_config
from alexnet_tf.data.image_set import Source
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.files.text import printable
from alexnet_tf.options import Options
from alexnet_tf.report.check import (
    CLASS_HEAD,
    check_page,
    class_rows,
    finding_in_words,
    shown_numbers,
)
from alexnet_tf.run.lock import locked_folder
from modes.setup import open_source

CHECKS = pathlib.Path("checks")
FACTS_FILE = "images.jsonl"
PAGE, RESULT = "check.html", "check.json"
MOST_CLASSES = 20  # of a table on a terminal
LONGEST_EXAMPLE = 100


def main(options: Options) -> int:
    """Looks at all images; returns 0, or 1 if strict and there is something."""
    check_config(options.config)
    folder = check_folder(options)
    source = open_source(options.config, options, every_class=True)
    phash, near_left_out = None, None
    try:
        phash = perceptual_hash()
    except UserError as error:
        near_left_out = str(error)
    with locked_folder(folder, "folder", "checks", "--check_dir"):
        facts = image_facts(source, folder / FACTS_FILE, phash)
        images = checked_images(facts, source.class_names)
        sizes = class_sizes(images, source.class_names)
        found = findings(images, sizes, near_left_out, source.unread)
        counts = {
            split: sum(image.split == split for image in images)
            for split in SPLITS
        }
        write(folder, source, options, counts, sizes, found)
    print_classes(sizes)
    print_findings(found, len(sizes), counts)
    if near_left_out:
        print(f"near duplicates were not looked for: {near_left_out}")
    print(f"{folder / PAGE} shows them, {folder / RESULT} lists all")
    return int(options.strict and any(f.count for f in found))


def check_folder(options: Options) -> pathlib.Path:
    """Where the results go: --check_dir, or one for each place of images.

    Raises:
        UserError: it lies among the images.
    """
    place = options.data_dir
    if options.check_dir:
        folder = pathlib.Path(options.check_dir)
    elif place:
        # Folders of one name in two places are two sets.
        path = pathlib.Path(place).resolve()
        digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape"))
        folder = CHECKS / f"{path.stem}-{digest.hexdigest()[:8]}"
    else:
        folder = CHECKS / options.config.data.name.replace("/", "-")
    if place and folder.resolve().is_relative_to(pathlib.Path(place).resolve()):
        raise UserError(
            f"{folder} lies in {place}, the folder of the images, which is "
            "only read: name another with --check_dir"
        )
    return folder


def write(
    folder: pathlib.Path,
    source: Source,
    options: Options,
    counts: Mapping[str, int],
    sizes: Sequence[ClassSize],
    found: Sequence[Finding],
) -> None:
    """Writes check.html and check.json."""
    result = {
        "source": source.name,
        "data_dir": options.data_dir and printable(options.data_dir),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "images": dict(counts),
        "classes": [dataclasses.asdict(size) for size in sizes],
        "findings": {f.key: finding_as_json(f) for f in found},
    }
    small = thumbnails(source, shown_numbers(found))
    title = f"Check of {printable(options.data_dir or source.name)}"
    with writable(folder):
        write_text(folder / RESULT, json.dumps(result, indent=1) + "\n")
        write_text(
            folder / PAGE, check_page(title, counts, sizes, found, small)
        )


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """What check.json has for a finding."""
    return {
        "title": finding.title,
        "count": None if finding.not_looked_for else finding.count,
        "found": [as_json(item) for item in finding.found],
    }


def print_classes(sizes: Sequence[ClassSize]) -> None:
    """The classes as a table; of many, the largest and the smallest."""
    shown = list(sizes)
    if len(sizes) > MOST_CLASSES:
        by_size = sorted(sizes, key=lambda size: -size.train)
        half = MOST_CLASSES // 2
        shown = [*by_size[:half], *by_size[-half:]]
        print(
            f"the {half} largest and the {half} smallest of {len(sizes)} "
            "classes:"
        )
    print_table([CLASS_HEAD, *class_rows(shown)])


def print_findings(
    found: Sequence[Finding], classes: int, counts: Mapping[str, int]
) -> None:
    """All that was looked for, with how much was found and an example."""
    print()
    rows = [("looked for", "found", "of", "such as")]
    for finding in found:
        words = finding_in_words(finding, classes, counts)
        rows.append(
            (finding.title, *words, one_line(example(finding), LONGEST_EXAMPLE))
        )
    print_table(rows)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of texts; the second and third columns hold numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            f"{cell:>{width}}" if column in (1, 2) else f"{cell:{width}}"
            for column, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        ]
        print("  ".join(cells).rstrip())
