"""`python main.py --mode=serve` in a process of its own."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]


class LocalServer:
    """A running server.

    Attributes:
        url: from the first line that it printed.
        process: its `Popen`.

    Args:
        arguments: of main.py, after --mode=serve and --port=0.

    Raises:
        RuntimeError: it ended before it printed a URL.
    """

    def __init__(self, *arguments):
        # Not a pipe, which would lose lines once it is full.
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115
        command = [sys.executable, "main.py", "--mode=serve", "--port=0"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self.first_line = self.process.stdout.readline()
        if not self.first_line.startswith("http://"):
            self.stop()
            raise RuntimeError(self.first_line + self.stderr())
        self.url = self.first_line.split()[0]

    def next_line(self, word):
        """The next line of standard output that has `word` in it."""
        for line in self.process.stdout:
            if word in line:
                return line
        raise RuntimeError(f"no line with {word}: {self.stderr()}")

    def stderr(self):
        """What it wrote to standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read()

    def stop(self, number=signal.SIGTERM):
        """Sends a signal and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._stderr.close()
