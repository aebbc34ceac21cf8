"""The exported model in processes of their own."""

import contextlib
import functools
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = pathlib.Path(__file__).parent / "in_session.py"


@pytest.fixture(scope="module")
def sessions(exported, tmp_path_factory):
    """Function: options, environment -> process of in_session.py."""
    with contextlib.ExitStack() as running:

        @functools.cache
        def start(*options, **environment):
            errors = tmp_path_factory.mktemp("session") / "stderr"
            process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(exported / "1"), *options],
                cwd=errors.parent,
                env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=running.enter_context(open(errors, "w")),
                text=True,
            )
            running.enter_context(process)
            return process, errors

        yield start


@pytest.fixture
def run_in_session(sessions, tmp_path):
    """Function: signature, input name, values -> {output: array}.

    With several requests the outputs are joined. `run.peak_kb` is the memory
    that the last call took.
    """

    def run(signature, input_name, *requests, no_xla=False, **environment):
        values = np.empty(len(requests), object)
        values[:] = requests
        files = [str(tmp_path / n) for n in ("values.npy", "answers.npz")]
        np.save(files[0], values)
        process, errors = sessions(*["no-xla"] * no_xla, **environment)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(
                json.dumps([signature, input_name, *files]) + "\n"
            )
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(errors.read_text()[-4000:])
        error, run.peak_kb = json.loads(line)
        if error:
            raise RuntimeError(error)
        with np.load(files[1], allow_pickle=True) as answers:
            return dict(answers)

    return run


@pytest.fixture(scope="session")
def photographs(image_folder):
    """The validation images of the finished run, encoded; object [18]."""
    files = sorted(image_folder.glob("val/*/*.png"))
    return np.array([file.read_bytes() for file in files], object)
