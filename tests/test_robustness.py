"""The tests and keys that docs/robustness.md names exist."""

import pathlib
import re

from configs import paper

ROOT = pathlib.Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "robustness.md").read_text()


def test_named_tests_exist():
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))
    assert len(named) > 10
    assert not [path for path in named if not (ROOT / path).is_file()]


def test_named_config_keys_exist():
    named = re.findall(r"`(data|train)\.(\w+)`", TEXT)
    assert len(named) > 3
    config = paper.get_config()
    assert not [pair for pair in named if pair[1] not in config[pair[0]]]
