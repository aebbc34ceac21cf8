"""The server in a process of its own, with a model of no weights.

    python -m tests.export.server.stand_in '[null, false, {"seconds": 5}]'

starts in a second, for it needs no TensorFlow. The garbage collector is off:
what is not freed by its last reference shows in the process's memory.
"""

import gc
import io
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

from export.server.http.application import make_application
from export.server.http.life_cycle import bound_socket, run_until_signal, url_of
from export.server.http.limits import Limits
from export.server.http.origins import Origins
from export.server.http.standard_streams import streams_aside
from export.server.models.model_manager import ModelManager
from export.server.models.versions import ModelConfig
from export.server.serving_error import ServingError

ROOT = pathlib.Path(__file__).parents[3]
MIB = 2**20
GRACE = 2


UNTIL_TOLD = 1000  # as x: says `begun`, and answers after SIGUSR1
TOLD = threading.Event()


class Signature:
    """Answers 0 after x seconds; -1 is a fault, NaN a bug."""

    def __init__(self):
        self.input_dtypes = {"x": "float"}
        self.output_dtypes = {"y": "float"}

    def run(self, feeds, seconds):
        first = float(feeds["x"].ravel()[0])
        if first < 0:
            raise ServingError("a fault inside", "INTERNAL")
        if first == UNTIL_TOLD:
            print("begun", flush=True)
            TOLD.wait()
        else:
            time.sleep(first)
        return {"y": np.zeros(1, np.float32)}


class Model:
    """The model `m`."""

    def __init__(self, *_):
        self.signatures = {"serving_default": Signature()}
        self.metadata = "{}"

    def close(self):
        pass


class StandIn:
    """A running server.

    Attributes:
        url: its address.
        process: its `Popen`.

    Args:
        descriptors: file descriptors it may have, or None.
        log: file that gets standard error with a line for each request; None
            keeps what else is written there for `stderr`.
        limits: values of `Limits`.
    """

    def __init__(self, descriptors=None, log=None, **limits):
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115
        settings = json.dumps([descriptors, log is not None, limits])
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, settings],
            cwd=ROOT,
            # Large blocks go back to the system at once, whatever came before.
            env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(MIB // 8)},
            stdout=subprocess.PIPE,
            stderr=self._stderr if log is None else log,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.stderr()

    def mebibytes(self):
        """Of its memory, those that are in use."""
        statm = pathlib.Path(f"/proc/{self.process.pid}/statm")
        pages = int(statm.read_text().split()[1])
        return pages * resource.getpagesize() / MIB

    def stderr(self):
        """What it wrote to standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._stderr.close()


def main():
    gc.disable()
    signal.signal(signal.SIGUSR1, lambda *_: TOLD.set())
    descriptors, logs, limits = json.loads(sys.argv[1])
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    with tempfile.TemporaryDirectory() as folder, streams_aside():
        base = pathlib.Path(folder, "m")
        (base / "1").mkdir(parents=True)
        manager = ModelManager([ModelConfig("m", str(base))], Model)
        manager.load_all(lambda line: None)
        app = make_application(
            manager,
            Limits(**limits),
            Origins("127.0.0.1"),
            sys.stderr if logs else io.StringIO(),
        )
        with bound_socket("127.0.0.1", 0) as bound:
            url = url_of(bound)
            run_until_signal(app, bound, lambda end: print(url), GRACE)


if __name__ == "__main__":
    main()
