"""Submission files."""

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.submission import numbers_of, submission_text

CLASSES = ("tench", "goldfish", "great white shark")


def test_label_order_counts_from_one():
    numbers = numbers_of(CLASSES)
    results = [
        {"classes": ["goldfish", "great white shark", "tench"]},
        {"file": "x", "error": "no image"},
        {"classes": ["tench"]},
    ]
    assert submission_text(results, numbers) == "2 3 1\n\n1\n"


def test_synsets_give_the_order_by_id_or_name(tmp_path):
    file = tmp_path / "synsets.txt"
    file.write_text(
        "great white shark\nn01440764 tench, Tinca tinca\nn01443537\n"
    )
    assert numbers_of(CLASSES, file) == {
        "great white shark": 1,
        "tench": 2,
        "goldfish": 3,
    }


def test_a_class_that_is_missing_is_named(tmp_path):
    file = tmp_path / "synsets.txt"
    file.write_text("n01440764\nn01443537\n")
    with pytest.raises(UserError, match=r"lacks 1 class .* great white"):
        numbers_of(CLASSES, file)


def test_a_file_that_is_missing_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        numbers_of(CLASSES, tmp_path / "none.txt")
