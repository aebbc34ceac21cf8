"""Trains in forked children, which can be killed at any moment.

    python -m tests.modes.forked_runs

Reads one JSON object a line: `config` (as in config.json), `config_given`
(whether a person gave it), `run`, `data_dir`, `log` (file for the child's
output) and, to kill the child, `seconds` after its start or `operation`, the
number of the file operation in the run folder before which it dies. Answers
each with a line: `killed`, `code`, `seconds` that the child lived, and
`operations` it did if it was not killed.

The children start with TensorFlow imported but unused: forking is safe then,
and several times quicker than a new process.
"""

import json
import os
import pathlib
import signal
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from alexnet_tf.config import config_from_json
from alexnet_tf.options import Options
from modes import train
from tests.training.file_operations import FileOperations


def child(request, result):
    """Trains; never returns."""
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    options = Options(
        config=config_from_json(json.dumps(request["config"])),
        run=request["run"],
        data_dir=request["data_dir"],
        config_given=request["config_given"],
    )
    operations = FileOperations(request["run"], request.get("operation"))
    code = 99
    try:
        code = train.main(options)
        pathlib.Path(result).write_text(str(operations.count))
    finally:
        sys.stdout.flush()
        os._exit(code)


def supervise(process, start, seconds):
    """Waits for a child, and kills it after some seconds if they are given."""
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        lived = time.monotonic() - start
        if done:
            return status, lived
        if seconds is not None and lived >= seconds:
            os.kill(process, signal.SIGKILL)
            seconds = None
        time.sleep(0.005)


def main():
    for line in sys.stdin:
        request = json.loads(line)
        result = request["log"] + ".operations"
        start = time.monotonic()
        process = os.fork()
        if process == 0:
            child(request, result)
        status, lived = supervise(process, start, request.get("seconds"))
        answer = {
            "killed": os.WIFSIGNALED(status),
            "code": os.waitstatus_to_exitcode(status),
            "seconds": lived,
        }
        if answer["code"] == 0:
            answer["operations"] = int(pathlib.Path(result).read_text())
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
