"""Writes the table of docs/reproduction.md from docs/results/*.json.

    python -m tools.reproduction          # rewrites the table
    python -m tools.reproduction --check  # exit code 1 where it is out of date

Each file holds what one command measured: the command, the conditions, the
machine (none of the three where nothing was run), and claims of the paper, each
with

    section   of the paper
    claim     what is compared
    kind      size, difference, ratio, speed, error or equality
    unit      behind the numbers, such as points
    paper     its number, or its words where it has none
    at_least  true where the paper says "more than"
    ours      our number or words; null: not run
    interval  [low, high] of 95 %, or null
    digits    behind the decimal point

Verdicts follow from these by `verdict`, so no row is judged by hand.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import sys
from typing import Literal, get_args

from alexnet_tf.files.atomic import write_text
from alexnet_tf.files.text import markdown_table

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reproduction.md"
RESULTS = ROOT / "docs" / "results"
BEGIN = "<!-- The table begins: python -m tools.reproduction writes it. -->\n"
END = "<!-- The table ends. -->\n"
ALIKE = 0.02  # sizes that differ by no more agree: the paper rounds them

Kind = Literal["size", "difference", "ratio", "speed", "error", "equality"]
NEUTRAL = {"difference": 0.0, "ratio": 1.0}
HEADINGS = (
    *("section", "claim", "paper", "here", "95 % interval", "verdict"),
    "command",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper and what was found here; see the module."""

    section: str
    claim: str
    kind: Kind
    paper: float | str
    ours: float | str | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""
    at_least: bool = False
    digits: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.claim}: there is no kind {self.kind}")
        if self.interval and not (
            isinstance(self.ours, int | float)
            and self.interval[0] <= self.ours <= self.interval[1]
        ):
            raise ValueError(
                f"{self.claim}: {self.ours} is not in its interval"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one command found: a file of docs/results/."""

    command: str
    conditions: str
    machine: str
    claims: tuple[Claim, ...]


def read_measurement(path: pathlib.Path) -> Measurement:
    """A file of docs/results/.

    Raises:
        TypeError, ValueError: a value is missing, unknown or impossible.
    """
    values = json.loads(path.read_text())
    claims = []
    for claim in values.pop("claims"):
        if claim.get("interval"):
            claim["interval"] = tuple(claim["interval"])
        claims.append(Claim(**claim))
    return Measurement(**values, claims=tuple(claims))


def verdict(claim: Claim) -> str:
    """What our number says about the paper's.

    A difference or a ratio is judged by its interval: it holds what would be no
    effect (0 points, once), it lies on the other side of that, or on the
    paper's, with or without the paper's number in it.
    """
    if claim.ours is None:
        return "not run"
    if claim.kind == "equality":
        return "a test checks it"
    if claim.kind == "speed":
        return "another machine"
    if claim.kind == "error":
        return "other images"
    paper, ours = claim.paper, claim.ours
    assert not isinstance(paper, str)
    assert not isinstance(ours, str)
    if claim.kind == "size":
        return "agrees" if abs(ours / paper - 1) <= ALIKE else "differs"
    if claim.interval is None:
        return "no interval"
    (low, high), neutral = claim.interval, NEUTRAL[claim.kind]
    if low <= neutral <= high:
        return "not told apart"
    if (ours > neutral) != (paper > neutral):
        return "contradicted"
    upper = math.inf if claim.at_least else paper
    if low <= upper and paper <= high:
        return "confirmed"
    return "same sign, another size"


def rows(measurements: list[Measurement]) -> list[tuple[str, ...]]:
    """The table's rows below the headings, in the order of the sections."""
    found = []
    for number, measurement in enumerate(measurements, 1):
        for claim in measurement.claims:
            found.append(
                (
                    claim.section,
                    claim.claim,
                    ("more than " if claim.at_least else "")
                    + in_words(claim, claim.paper),
                    "" if claim.ours is None else in_words(claim, claim.ours),
                    " to ".join(number_text(claim, n) for n in claim.interval)
                    if claim.interval
                    else "",
                    verdict(claim),
                    f"{number}",
                )
            )
    return sorted(found, key=lambda row: [int(n) for n in row[0].split(".")])


def in_words(claim: Claim, value: float | str) -> str:
    """A number with its unit; words as they are."""
    if isinstance(value, str):
        return value
    return f"{number_text(claim, value)} {claim.unit}".strip()


def number_text(claim: Claim, number: float) -> str:
    """A number with the claim's digits."""
    return f"{number:,.{claim.digits}f}"


def table(measurements: list[Measurement]) -> str:
    """Markdown: the table, and the commands that its last column counts."""
    lines = [markdown_table([HEADINGS, *rows(measurements)])]
    for number, measurement in enumerate(measurements, 1):
        told = [measurement.conditions, measurement.machine]
        about = "; ".join(words for words in told if words)
        lines.append(f"{number}. `{measurement.command}`  \n   {about}.\n")
    return lines[0] + "\n" + "".join(lines[1:])


def page_with_table(page: str, text: str) -> str:
    """The page with another text between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def stored_measurements() -> list[Measurement]:
    """All files of docs/results/, by name."""
    return [read_measurement(path) for path in sorted(RESULTS.glob("*.json"))]


def main(arguments: list[str]) -> int:
    """Rewrites the page, or says whether it is out of date."""
    parser = argparse.ArgumentParser(
        description="Writes the table of docs/reproduction.md."
    )
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    page = PAGE.read_text()
    new = page_with_table(page, table(stored_measurements()))
    if options.check:
        if new != page:
            print(
                "docs/reproduction.md is out of date: python -m "
                "tools.reproduction rewrites its table"
            )
        return int(new != page)
    write_text(PAGE, new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
