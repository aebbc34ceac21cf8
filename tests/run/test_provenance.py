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
    ("flags", "precision", "most", "told"),
    [
        ("fpu amx_bf16 avx2 amx_tile", "bfloat16", None, True),
        ("fpu amx_bf16 avx2 amx_tile", "float16", "AVX512_CORE_AMX", True),
        ("fpu amx_bf16 avx2 amx_tile", "float16", "AVX512_CORE_FP16", False),
        ("fpu amx_bf16 avx2 amx_tile", "float32", None, False),
        ("fpu avx2 avx512_bf16", "bfloat16", None, False),
    ],
)
def test_products_that_do_not_repeat_are_told_of(
    tmp_path, monkeypatch, flags, precision, most, told
):
    cores = tmp_path / "cpuinfo"
    cores.write_text(f"processor\t: 0\nmodel name\t: A\nflags\t\t: {flags}\n")
    monkeypatch.setattr(provenance, "CPU_INFO", cores)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if most:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", most)
    assert provenance.machine()["processor"] == "A"
    lines = repetition_in_words(precision)
    assert [provenance.NO_MATRIX_UNIT in line for line in lines] == [
        True
    ] * told
