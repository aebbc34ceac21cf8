"""Errors, confusion and classes as tables."""

import re

import numpy as np

from alexnet_tf.data.sources.imagenet_classes import names_by_wnid
from alexnet_tf.report.results import (
    best_epoch,
    classes_section,
    confusion_section,
    results_section,
)
from tests.evaluation.outcomes import made_up_outcome

OUTCOME = made_up_outcome(
    dataset="some<b>set",
    samples=1234,
    top1_error=0.4071,
    top1_interval=(0.38, 0.43),
    top5_error=0.1823,
    top5_interval=(0.16, 0.2),
)
ROWS = [
    {"epoch": 1.0, "val_top1_error": 0.5, "val_top5_error": 0.2},
    {"epoch": 2.0, "val_top1_error": 0.4, "val_top5_error": 0.3},
    {"epoch": 3.0, "val_top1_error": 0.4, "val_top5_error": 0.1},
    {"epoch": 4.0, "val_top1_error": float("nan"), "val_top5_error": 0.1},
]


def rows_of(markup):
    """[[cell, ...], ...] of the tables' bodies, as text."""
    return [
        [
            re.sub(r"<[^>]*>", "", cell)
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", markup)
        if "<td>" in row
    ]


def test_the_best_epoch_is_the_first_of_the_lowest():
    assert best_epoch(ROWS)["epoch"] == 2
    assert best_epoch(ROWS[3:]) is None
    assert best_epoch([]) is None
    rows = [{"epoch": n, "val_macro_f1": f1} for n, f1 in ((1, 0.3), (2, 0.1))]
    assert best_epoch(rows, "macro_f1")["epoch"] == 1


def test_the_papers_errors_stand_only_beside_imagenets():
    own = [
        [
            *("this run", "40.71%", "38.00% to 43.00%", "18.23%", "ten crops"),
            "some&lt;b&gt;set validation, 1,234 images",
        ],
        [
            *("this run, after epoch 2", "40.00%", "", "30.00%", "centre crop"),
            "validation, while training",
        ],
    ]
    other = results_section(OUTCOME, ROWS, list("abcdef"))
    assert rows_of(other.body) == own
    names = list(names_by_wnid().values())
    imagenet = rows_of(results_section(OUTCOME, ROWS, names).body)
    assert imagenet[:2] == own
    assert imagenet[2][1:4] == ["40.70%", "", "18.20%"]
    assert len(imagenet) == 7


def test_without_an_evaluation_it_says_so():
    body = results_section(None, [], ["a"]).body
    assert "no evaluation" in body
    assert rows_of(body) == []


def test_the_most_confused_pairs_are_named():
    confusion = np.array([[5, 1, 0], [3, 7, 0], [2, 0, 2]])
    listed, matrix = re.split(
        "All classes", confusion_section(confusion, ["a", "b<i>", "c"]).body
    )
    assert rows_of(listed) == [
        ["b&lt;i&gt;", "a", "3", "30.0%"],
        ["c", "a", "2", "50.0%"],
        ["a", "b&lt;i&gt;", "1", "16.7%"],
    ]
    assert rows_of(matrix) == [
        ["a", "5", "1", "0"],
        ["b&lt;i&gt;", "3", "7", "0"],
        ["c", "2", "0", "2"],
    ]


def test_nothing_confused():
    body = confusion_section(np.diag([3, 4]), ["a", "b"]).body
    assert "No image was taken" in body


def test_many_classes_become_a_picture():
    confusion = np.eye(21, dtype=np.int64)
    body = confusion_section(confusion, [str(i) for i in range(21)]).body
    assert '<img src="data:image/png' in body
    assert rows_of(body) == []


def test_classes_are_sorted_and_those_without_images_left_out():
    confusion = np.array([[1, 1, 0], [0, 4, 0], [0, 0, 0]])
    body = classes_section(confusion, ["a", "b", "c"]).body
    assert rows_of(body) == [
        ["b", "4", "80.0%", "88.9%", "100.0%"],
        ["a", "2", "100.0%", "66.7%", "50.0%"],
    ]


def test_of_many_classes_the_ends_are_shown():
    right = np.arange(60)
    confusion = np.diag(right)
    confusion[:, 0] += 100 - right  # what is wrong is taken for class 0
    confusion[0, 0] = 100
    names = [f"class {i}" for i in range(60)]
    rows = rows_of(classes_section(confusion, names).body)
    assert len(rows) == 30
    assert rows[0] == ["class 0", "100", "2.4%", "4.6%", "100.0%"]
    assert rows[1] == ["class 59", "100", "100.0%", "74.2%", "59.0%"]
    assert rows[-1] == ["class 1", "100", "100.0%", "2.0%", "1.0%"]
