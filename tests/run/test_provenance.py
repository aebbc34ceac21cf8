"""What is kept of every start of a run."""

import platform
import sys

import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.run.provenance import read_starts, record_start


def test_every_start_is_added(tmp_path, monkeypatch):
    file = tmp_path / "starts.json"
    assert read_starts(file) == []
    for argument in ("--run=a b", "--run=c"):
        monkeypatch.setattr(sys, "argv", ["main.py", argument])
        record_start(file)
    first, second = read_starts(file)
    assert first["command"] == "python main.py '--run=a b'"
    assert second["command"] == "python main.py --run=c"
    assert second["python"] == platform.python_version()
    assert second["tensorflow"] == tf.__version__
    assert int(second["cores"]) >= 1
    assert all(isinstance(value, str) for value in second.values())


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "starts.json"
    file.write_text("[{")
    with pytest.raises(UserError, match=r"starts\.json cannot be read"):
        record_start(file)
