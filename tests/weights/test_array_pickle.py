"""What the reader of pickles takes, and that it runs nothing."""

import collections
import io
import os
import pickle
import sys
import types

import numpy as np
import pytest

from alexnet_tf.weights.array_pickle import load_arrays
from tests.weights import python2_pickle

VALUES = {
    "conv1": [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.array([[1.5, 2.5]], order="F"),
    ],
    "epoch": 90,
    "scale": np.float32(0.25),
    "nested": {"name": "fc6", "ok": True, "none": None, "pair": (1, 2.5)},
    "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
    "objects": np.array({"x": np.ones(3)}, dtype=object),
}


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        if one.dtype == object:
            assert_equal(one.item(), other.item())
        else:
            np.testing.assert_array_equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key, value in one.items():
            assert_equal(value, other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


@pytest.mark.parametrize("protocol", range(5))
def test_values_come_back(protocol):
    data = pickle.dumps(VALUES, protocol)
    assert_equal(load_arrays(io.BytesIO(data)), VALUES)


def test_values_of_python_2_come_back():
    data = python2_pickle.dumps(VALUES)
    # As numpy's own way of reading them does.
    expected = pickle.loads(data, encoding="latin1")
    assert_equal(load_arrays(io.BytesIO(data)), expected)
    assert_equal(expected, VALUES)


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


TOUCH = "__import__('pathlib').Path({marker!r}).touch()"
ATTACKS = {
    "os.system": (os.system, "touch {marker}"),
    "eval": (eval, TOUCH),
    "exec": (exec, TOUCH),
    "np.save": (np.save, "{marker}.npy", 1),
}


@pytest.mark.parametrize("strangers", [False, True])
@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_program_in_the_pickle_does_not_run(
    name, strangers, protocol, tmp_path
):
    function, *arguments = ATTACKS[name]
    arguments = [
        type(a)(str(a).format(marker=str(tmp_path / "marker")))
        for a in arguments
    ]
    data = pickle.dumps({"x": Attack(function, *arguments)}, protocol)
    if strangers:
        loaded = load_arrays(io.BytesIO(data), strangers=True)
        assert vars(loaded["x"]) == {}
    else:
        with pytest.raises(ValueError, match="neither an array nor a plain"):
            load_arrays(io.BytesIO(data))
    assert not any(tmp_path.iterdir())
    # The same pickle does run where nobody watches.
    pickle.loads(data)
    assert any(tmp_path.iterdir())


def test_nothing_is_imported_for_a_pickle():
    assert "this" not in sys.modules  # it prints when it is imported
    data = b"cthis\nanything\n."
    with pytest.raises(ValueError, match=r"this\.anything"):
        load_arrays(io.BytesIO(data))
    load_arrays(io.BytesIO(data), strangers=True)
    assert "this" not in sys.modules


def test_objects_of_a_program_that_is_gone(monkeypatch):
    module = types.ModuleType("options")
    exec("class OptionsParser: pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "options", module)
    parser = module.OptionsParser()
    parser.values = [1, 2]
    data = pickle.dumps({"op": parser, "weights": np.ones(2)}, 2)
    monkeypatch.delitem(sys.modules, "options")
    loaded = load_arrays(io.BytesIO(data), strangers=True)
    np.testing.assert_array_equal(loaded["weights"], np.ones(2))
    assert vars(loaded["op"]) == {}


def test_an_array_that_claims_to_be_huge():
    whole = pickle.dumps(np.zeros(3, np.float32), 2)
    # Its state has another shape than its bytes.
    claim = whole.replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85")
    assert claim != whole
    with pytest.raises(ValueError, match="no pickle of arrays"):
        load_arrays(io.BytesIO(claim))
    # It is to be made huge before its bytes are read.
    call = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
    call += b"(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftU\x01bt\x52."
    assert load_arrays(io.BytesIO(call)).size == 0


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.95])
def test_a_pickle_cut_short(share):
    data = pickle.dumps(VALUES, 2)
    with pytest.raises(ValueError, match="no pickle of arrays"):
        load_arrays(io.BytesIO(data[: int(share * len(data))]))
