"""What is kept of every start of a run."""

import platform
import sys

import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.run import provenance
from alexnet_tf.run.provenance import read_starts, record_start
from modes.training import repetition_in_words


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


@pytest.mark.parametrize(
    ("flags", "precision", "onednn", "told"),
    [
        ("fpu amx_bf16 avx2 avx512_fp16", "bfloat16", None, True),
        ("fpu amx_bf16 avx2 avx512_fp16", "float16", "1", True),
        ("fpu amx_bf16 avx2 avx512_fp16", "float16", "0", False),
        ("fpu amx_bf16 avx2 avx512_fp16", "float32", None, False),
        ("fpu avx2 avx512_bf16", "bfloat16", None, False),
        ("fpu avx2 avx512_bf16", "float16", None, False),
    ],
)
def test_products_that_do_not_repeat_are_told_of(
    tmp_path, monkeypatch, flags, precision, onednn, told
):
    cores = tmp_path / "cpuinfo"
    cores.write_text(f"processor\t: 0\nmodel name\t: A\nflags\t\t: {flags}\n")
    monkeypatch.setattr(provenance, "CPU_INFO", cores)
    monkeypatch.delenv(provenance.NO_ONEDNN, raising=False)
    if onednn:
        monkeypatch.setenv(provenance.NO_ONEDNN, onednn)
    assert provenance.machine()["processor"] == "A"
    lines = repetition_in_words(precision)
    told_of = f"{provenance.NO_ONEDNN}=0"
    assert [told_of in line for line in lines] == [True] * told
