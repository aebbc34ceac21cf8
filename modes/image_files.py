"""Image files that a person names: good ones, and the rest reported."""

import pathlib
import sys

import tensorflow as tf

from alexnet_tf.data.preprocess import decode, refusal, to_record
from alexnet_tf.errors import BAD_INPUT, UserError
from alexnet_tf.terminal.prediction_text import printable


class UnusableImage(Exception):
    """An image file that cannot be used; its message says why."""


def files_of(images, mode):
    """The files that are named, and those in the folders that are.

    Args:
        images: values of --image.
        mode: that they were given to.

    Raises:
        UserError: there are none.
    """
    files = []
    for image in images:
        path = pathlib.Path(image)
        if path.is_dir():
            files += sorted(str(f) for f in path.rglob("*") if f.is_file())
        else:
            files.append(image)
    if not files:
        raise UserError(
            f"--mode={mode} needs --image=FILE, several files, or a folder "
            "with some"
        )
    return files


def read_record(file):
    """The record of an image file, uint8 [256, 256, 3].

    Raises:
        UnusableImage: it is missing or no image that can be used.
    """
    try:
        return to_record(decode(pathlib.Path(file).read_bytes()))
    except OSError as error:
        raise UnusableImage(error.strerror) from None
    except tf.errors.InvalidArgumentError as error:
        raise UnusableImage(refusal(error)) from None


def report_failed(results):
    """Prints the files that could not be used; returns the exit code.

    Args:
        results: dicts with "file", and "error" where it could not be used.
    """
    failed = [result for result in results if "error" in result]
    for result in failed:
        file = printable(result["file"])
        print(f"main.py: {file}: {result['error']}", file=sys.stderr)
    return BAD_INPUT if failed else 0
