"""Marks for cases that take long and that cheaper ones mostly cover."""

import pytest


def slow(*values, id=None):
    """Parameters whose test runs with `-m slow` alone."""
    return pytest.param(*values, id=id, marks=pytest.mark.slow)
