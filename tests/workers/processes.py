"""Runs of main.py with several workers, as processes of their own."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from alexnet_tf.workers.cluster import VARIABLE

MAIN = pathlib.Path(__file__).parent.parent.parent / "main.py"
MOST_SECONDS = 240  # more than any of these runs takes on a busy machine


class Training:
    """A training process of its own, or the launcher of several.

    Args:
        arguments: of main.py.
        log: file for its output.
        environment: variables to set.
        before: command that is put before it.
        program: what Python runs.
    """

    def __init__(
        self, arguments, log, environment=None, before=(), program=(MAIN,)
    ):
        self._log = pathlib.Path(log)
        with open(log, "w") as file:
            self.process = subprocess.Popen(
                [*before, sys.executable, *program, *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=MAIN.parent,
            )

    @property
    def output(self):
        return self._log.read_text()

    def wait(self, seconds=MOST_SECONDS):
        """Its exit code."""
        return self.process.wait(seconds)

    def wait_for(self, condition):
        """Waits until a function returns something true."""
        until = time.monotonic() + MOST_SECONDS
        while not condition():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < until, self.output
            time.sleep(0.02)

    def wait_for_state(self, run, count=1):
        """Waits until the state has been saved in so many places."""
        seen = set()

        def is_there():
            with contextlib.suppress(FileNotFoundError):
                seen.update(p.name for p in (run / "state").iterdir())
            return len([n for n in seen if n[:1].isdigit()]) >= count

        self.wait_for(is_there)

    def workers(self):
        """{rank: process id} of the children of a launcher."""
        process = self.process.pid
        children = pathlib.Path(f"/proc/{process}/task/{process}/children")
        return {rank_of(int(c)): int(c) for c in children.read_text().split()}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def rank_of(process):
    """Number of the worker that a process is, read from its TF_CONFIG."""
    variables = pathlib.Path(f"/proc/{process}/environ").read_text().split("\0")
    [config] = [v for v in variables if v.startswith(f"{VARIABLE}=")]
    return json.loads(config.partition("=")[2])["task"]["index"]


def is_alive(process):
    """Whether a process runs: not ended, nor a zombie that nobody waits for."""
    try:
        status = pathlib.Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def all_ended(processes, seconds):
    """Whether processes, which need not be children, end in that time."""
    until = time.monotonic() + seconds
    while any(map(is_alive, processes)):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True
