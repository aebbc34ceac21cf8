"""How a benchmark is called: what its flags may be, mistakes in one line."""

import argparse
import json
import pathlib
import runpy
import sys
from collections.abc import Callable, Iterable
from typing import Any

from alexnet_tf.errors import BAD_INPUT, UserError
from alexnet_tf.files.atomic import readable
from configs.ranges import Count, Positive, Seed, fits, in_words


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The parser of a program that has --json.

    Args:
        doc: the program's docstring, of which the first line describes it.
    """
    made = argparse.ArgumentParser(description=str(doc).splitlines()[0])
    made.add_argument("--json", action="store_true", help="last line JSON")
    return made


def tell(arguments: argparse.Namespace, result: object) -> None:
    """Prints a result as JSON where --json asks for it."""
    if arguments.json:
        print(json.dumps(result))


def number(kind: Any) -> Callable[[str], Any]:
    """The `type` of a flag of argparse.

    Args:
        kind: an annotation of `configs.ranges`, such as `Count`.
    """

    def parsed(text: str) -> Any:
        try:
            value = kind.__origin__(text)
        except ValueError:
            value = None
        if not fits(value, kind):
            raise argparse.ArgumentTypeError(
                f"{text}: it has to be {in_words(kind)}"
            )
        return value

    return parsed


count, positive, seed = map(number, (Count, Positive, Seed))


def counts(text: str) -> list[int]:
    """The `type` of several counts, separated by commas."""
    return [count(part) for part in text.split(",")]


def contents(files: Iterable[str]) -> list[bytes]:
    """What is in files that a person named.

    Raises:
        UserError: one cannot be read.
    """
    found = []
    for file in files:
        with readable(file):
            found.append(pathlib.Path(file).read_bytes())
    return found


def recipe(path: str) -> Any:
    """The config of a recipe that --config names.

    Raises:
        UserError: there is no such file.
    """
    if not pathlib.Path(path).is_file():
        raise UserError(f"--config={path}: there is no such file")
    return runpy.run_path(path)["get_config"]()


def run(main: Callable[[], int | None]) -> None:
    """Runs a program and ends with its exit code; a `UserError` is one line."""
    try:
        code = main()
    except UserError as error:
        print(f"{pathlib.Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        code = BAD_INPUT
    sys.exit(code)
