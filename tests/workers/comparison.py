"""Runs that are to be equal but for rounding."""

import numpy as np
import pytest

from tests.training.run_contents import (
    evaluation,
    history,
    newest_state,
    state_weights,
)


def assert_equal_runs(run, other):
    """That two runs differ by rounding at most."""
    assert newest_state(run).name == newest_state(other).name
    ours, theirs = state_weights(run), state_weights(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(
            ours[name], theirs[name], rtol=0, atol=1e-6, err_msg=name
        )
    for our_row, their_row in zip(history(run), history(other), strict=True):
        assert our_row.keys() == their_row.keys()
        for name, value in our_row.items():
            assert float(value) == pytest.approx(
                float(their_row[name]), rel=1e-4, abs=1e-6
            ), name
    for name in ("samples", "top1_error", "top5_error"):
        assert evaluation(run)[name] == evaluation(other)[name]
