"""One training process at a time in a run folder."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.run.folder import Run
from alexnet_tf.run.lock import locked

HOLD = """
import sys, time
from alexnet_tf.run.folder import Run
from alexnet_tf.run.lock import locked
with locked(Run(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the run in `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def lock(path):
    with locked(Run(path)):
        pass


def test_a_second_process_is_refused_with_the_name_of_the_first(
    tmp_path, holder
):
    for _ in range(2):  # being refused does not wipe the name out
        with pytest.raises(UserError) as refusal:
            lock(tmp_path)
        message = str(refusal.value)
        assert str(tmp_path) in message
        assert f"process {holder.pid} on {socket.gethostname()}" in message
        assert "\n" not in message


def test_the_lock_dies_with_its_holder(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock(tmp_path)


def test_it_can_be_taken_again_and_by_name_of_the_present(tmp_path):
    for _ in range(2):
        with locked(Run(tmp_path)):
            text = (tmp_path / "lock").read_text()
            assert text == f"process {os.getpid()} on {socket.gethostname()}"


def test_it_is_released_on_failure(tmp_path):
    with pytest.raises(ValueError, match="fault"), locked(Run(tmp_path)):
        raise ValueError("fault")
    lock(tmp_path)


def test_where_nothing_can_be_locked_that_is_said(
    tmp_path, monkeypatch, capsys
):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock(tmp_path)
    assert "cannot be locked (No locks available)" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        lock(tmp_path / "file" / "run")
