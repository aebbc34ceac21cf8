"""Lets a run be watched while a block runs."""

import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Iterator

from alexnet_tf.run.folder import Run

ROOT = pathlib.Path(__file__).parents[3]
SECONDS = 5  # until a server that does not end is killed


@contextlib.contextmanager
def watched(run: Run, port: int) -> Iterator[None]:
    """Serves the page of a run meanwhile, in a process of its own.

    So it takes nothing from the training's interpreter.

    Args:
        run: a `Run`, which need not have begun.
        port: number; 0 takes a free one, -1 serves none.
    """
    if port < 0:
        yield
        return
    command = [sys.executable, "-m", "alexnet_tf.report.live"]
    process = subprocess.Popen(
        [*command, str(run.path.resolve()), str(port)], cwd=ROOT
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
