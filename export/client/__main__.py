"""Names the classes of images by asking a server.

python -m export.client shoe.jpg bag.png
python -m export.client --url=grpc://localhost:8500 --json shoe.jpg
python -m export.client --csv=out.csv PHOTOS
"""

import argparse
import contextlib
import dataclasses
import io
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from export.client.prediction import Prediction

# This comes before grpc is imported: a server that stops is told in one line.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from alexnet_tf.data.named_images import files_of
from alexnet_tf.errors import BAD_INPUT, UserError, one_line
from alexnet_tf.files.text import printable
from alexnet_tf.terminal.prediction_text import prediction_text
from alexnet_tf.terminal.quiet_start import start_up_notes_hidden
from export.client.prediction import Client
from export.client.settings import Settings

NAME = "export.client"


class OneLineParser(argparse.ArgumentParser):
    """Tells a mistake in one line, as main.py does."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{NAME}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Predicts each file and prints the answers; returns the exit code.

    An image that cannot be used is reported in its place, and the exit code
    is 2 once all images are done.
    """
    parser = _parser()
    arguments = vars(parser.parse_intermixed_args(argv))
    images, as_json = arguments.pop("images"), arguments.pop("json")
    table, threshold = arguments.pop("csv"), arguments.pop("threshold")
    if table and as_json:
        parser.error("--json is not used with --csv: leave one of them out")
    if threshold is not None and not table:
        parser.error("--threshold is only used with --csv=FILE")
    # Names of files and classes may not fit a terminal.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    settings = Settings(**arguments)
    quiet = start_up_notes_hidden if settings.grpc else contextlib.nullcontext
    files = files_of(images, "there is no image: give a file", table)
    with quiet():
        client = Client(settings)
    with client:
        if table:
            failed = _fill(table, files, threshold or 0.0, client, settings)
        else:
            failed = _print(files, as_json, client)
    for result in failed:
        _complain(f"{result['file']}: {result['error']}")
    return BAD_INPUT if failed else 0


def _print(
    files: list[str], as_json: bool, client: Client
) -> list[Mapping[str, Any]]:
    """Prints the predictions; returns those that failed."""
    results = []
    for result in map(_as_dict, client.predict(files)):
        results.append(result)
        if not as_json:
            print(prediction_text(result), flush=True)
    if as_json:
        print(json.dumps(results))
    return [result for result in results if "error" in result]


def _fill(
    table: str,
    files: list[str],
    threshold: float,
    client: Client,
    settings: Settings,
) -> list[Mapping[str, Any]]:
    """Appends the predictions to a table; returns those that failed."""
    # The progress bar is slow to import.
    from alexnet_tf.evaluation.prediction_table import fill_table

    # A version that comes meanwhile is not mixed in.
    version = client.version()
    pinned = dataclasses.replace(settings, version=version, label=None)
    with Client(pinned) as same:
        return fill_table(
            table,
            files=files,
            results_of=lambda left: map(_as_dict, same.predict(left)),
            network=f"{settings.model}/{version}/{settings.signature}",
            threshold=threshold,
        )


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 1")
    return number


def run_main() -> int:
    """`main`, with what a user can mend told in one line."""
    try:
        return main()
    except UserError as error:
        _complain(error)
        return BAD_INPUT
    except BrokenPipeError:  # as of `| head`; Python flushes once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    defaults = {f.name: f.default for f in dataclasses.fields(Settings)}
    parser = OneLineParser(
        prog=f"python -m {NAME}",
        description="Names the five most probable classes of images by asking "
        "a server: TensorFlow Serving or `python main.py --mode=serve`.",
        allow_abbrev=False,
    )
    parser.set_defaults(**defaults)
    add = parser.add_argument
    add(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="JPEG, PNG, GIF, BMP, WebP; a folder with some; or a list: a .csv "
        "file with a column image, a .txt file with a path a line.",
    )
    add(
        "--url",
        help="http://HOST:PORT, https://HOST:PORT or, for gRPC, "
        "grpc://HOST:PORT. Default: %(default)s",
    )
    add("--model", help="Name of the model. Default: %(default)s")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--version", type=int, help="Version of the model. Default: the newest."
    )
    which.add_argument("--label", help="Label of a version, such as stable.")
    add(
        "--signature",
        help="Signature that takes image_bytes and answers classes, scores "
        "and valid. Default: %(default)s",
    )
    add(
        "--batch_size",
        type=int,
        help="Most images of a request. Default: %(default)s",
    )
    add(
        "--timeout",
        type=float,
        help="Seconds that a request may take, with its repeats. Default: "
        "%(default)s",
    )
    add(
        "--retries",
        type=int,
        help="Most repeats of a request where the server is busy or not "
        "there. Default: %(default)s",
    )
    add(
        "--csv",
        metavar="FILE",
        help="Table to write, a row a file. Where it is there already, the "
        "files that it lacks are added.",
    )
    add(
        "--threshold",
        type=_share,
        help="In the table a class less probable than this is `none of these`.",
    )
    add(
        "--json",
        action="store_true",
        help="Prints one JSON value in place of text.",
    )
    return parser


def _as_dict(prediction: Prediction) -> dict[str, object]:
    """{"file", "classes", "probabilities"}, or {"file", "error"}."""
    assert prediction.file is not None  # paths were given, no bytes
    file = printable(prediction.file)
    if prediction.error:
        return {"file": file, "error": prediction.error}
    return {
        "file": file,
        "classes": prediction.classes,
        "probabilities": prediction.probabilities,
    }


def _complain(reason: object) -> None:
    print(f"{NAME}: {one_line(reason)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run_main())
