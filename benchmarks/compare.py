"""Two results of a benchmark, number by number.

    python -m benchmarks.compare OLD NEW [--fail_over=1.1]

OLD and NEW are what a benchmark printed with --json; the last line of each
counts. Prints NEW/OLD for all numbers that both have, the largest change
first. Seconds, bytes and microseconds are better when smaller, ratios to
peers, shares and images per second when larger; of other numbers nothing is
said. Where the file has the spread of a number, a change inside both spreads
is noise. With --fail_over the exit code is 1 where something got worse by
more than that factor and not by noise.
"""

import argparse
import dataclasses
import json
import math
import re
import sys

from benchmarks import command_line

LARGER_IS_BETTER = re.compile(r"per_second|ratio_to|share|precision|recall")
SMALLER_IS_BETTER = re.compile(
    r"seconds|bytes|_us$|_ms$|_cpu$|peak|^(help|predict|first_step)$"
)
NOISE = "noise"


@dataclasses.dataclass(frozen=True)
class Change:
    """One number in both results.

    Attributes:
        name: path of its keys, with dots.
        old, new: the numbers.
        verdict: "better", "worse", "noise" or "" where nothing is known.
    """

    name: str
    old: float
    new: float
    verdict: str

    @property
    def ratio(self):
        """New over old."""
        return self.new / self.old


def main(arguments=None):
    """Prints the changes; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument(
        "--fail_over", type=command_line.positive, default=math.inf
    )
    options = parser.parse_args(arguments)
    found = changes(result_of(options.old), result_of(options.new))
    if not found:
        sys.exit(f"{options.old} and {options.new} have no number in common")
    for change in found:
        print(
            f"{change.ratio:8.3f}  {change.name}: {change.old:.4g} -> "
            f"{change.new:.4g}  {change.verdict}".rstrip()
        )
    worse = [
        change
        for change in found
        if change.verdict == "worse" and _factor(change) > options.fail_over
    ]
    return 1 if worse else 0


def result_of(path):
    """The object in the last line of a file."""
    [content] = command_line.contents([path])
    lines = content.decode(errors="replace").strip().splitlines()
    try:
        result = json.loads(lines[-1]) if lines else None
    except ValueError:
        result = None
    if not isinstance(result, dict):
        sys.exit(f"the last line of {path} is no JSON object: run with --json")
    return result


def changes(old, new):
    """`Change`s of the numbers that two results share, the largest first.

    Zeros, and numbers that are not finite, have no ratio and are left out.
    """
    olds, news = numbers(old), numbers(new)
    found = [
        Change(name, olds[name], news[name], verdict(name, old, new))
        for name in olds.keys() & news.keys()
        if olds[name] * news[name] > 0
    ]
    return sorted(found, key=lambda change: (-_factor(change), change.name))


def numbers(result, prefix=""):
    """{path: number} of an object and those in it; spreads are no results."""
    found = {}
    for key, value in result.items():
        if "spread" in key or isinstance(value, bool):
            continue
        if isinstance(value, dict):
            found |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and math.isfinite(value):
            found[prefix + key] = value
    return found


def verdict(name, old, new):
    """What the change of one number means."""
    spreads = [spread_of(name, result) for result in (old, new)]
    before, after = numbers(old)[name], numbers(new)[name]
    if all(spreads):
        inside = [low <= after <= high for low, high in spreads[:1]]
        inside += [low <= before <= high for low, high in spreads[1:]]
        if all(inside):
            return NOISE
    last = name.rsplit(".", 1)[-1]
    if before == after:
        return ""
    if LARGER_IS_BETTER.search(name):
        return "better" if after > before else "worse"
    if SMALLER_IS_BETTER.search(last):
        return "better" if after < before else "worse"
    return ""


def spread_of(name, result):
    """[low, high] of a number: in "spread" or "NAME_spread" beside it."""
    *path, last = name.split(".")
    for key in path:
        result = result[key]
    return result.get("spread", {}).get(last) or result.get(f"{last}_spread")


def _factor(change):
    return max(change.ratio, 1 / change.ratio)


if __name__ == "__main__":
    command_line.run(main)
