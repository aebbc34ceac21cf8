"""Keras, a Session, REST and ONNX Runtime on the same photographs."""

import pytest

from benchmarks.agreement import differences
from tests.contract.test_alexnet import views


@pytest.mark.slow  # each has a test of its own beside Keras
def test_all_four_agree(finished_run):
    found = differences(finished_run, list(views(20)))
    assert found.keys() == {"session", "rest", "onnx"}
    assert max(found.values()) <= 1e-5
