"""The table of errors as markdown and CSV."""

import csv
import dataclasses

import pytest

from alexnet_tf.evaluation.tables import as_csv, markdown
from tests.evaluation.outcomes import made_up_outcome

OURS = made_up_outcome(
    run="a|b, c",
    dataset="imagenette",
    samples=3925,
    top1_error=0.2004,
    top1_interval=(0.19, 0.2126),
    top5_error=0.0206,
    top5_interval=(0.016, 0.025),
    balanced_accuracy=0.7512,
    macro_f1=0.7,
)


def test_ours_stands_above_the_paper():
    header, rule, ours, *published = markdown(
        [OURS], published=True
    ).splitlines()
    assert header.split("|")[1].strip() == "network"
    assert set(rule) == set("|-")
    assert ours == (
        r"| a\|b, c | imagenette validation, 3925 | ten crops "
        "| 20.0 | 19.0 to 21.3 | 75.1 | 70.0 | 2.1 | 1.6 to 2.5 |"
    )
    assert any(
        "| ten crops | 38.1 |  |  |  | 16.4 |" in line for line in published
    )
    assert any(
        "| ten crops | 40.7 |  |  |  | 18.2 |" in line for line in published
    )


@pytest.mark.parametrize(
    ("classes", "columns"), [(3, 7), (5, 7), (6, 9), (None, 9)]
)
def test_five_guesses_of_five_classes_are_no_result(classes, columns):
    ours = dataclasses.replace(OURS, classes=classes)
    rows = list(csv.reader(as_csv([ours]).splitlines()))
    assert [len(row) for row in rows] == [columns] * 2
    header, _, row = markdown([dataclasses.replace(ours, run="a")]).splitlines()
    assert header.count("|") == row.count("|") == columns + 1
    assert ("top-5" in header) == (columns == 9)


def test_csv_has_the_same_cells():
    rows = list(csv.reader(as_csv([OURS], published=True).splitlines()))
    assert len({len(row) for row in rows}) == 1
    assert rows[1][0] == "a|b, c"
    assert rows[1][3:5] == ["20.0", "19.0 to 21.3"]


def test_other_classes_have_nothing_published():
    assert len(markdown([OURS]).splitlines()) == 3
    assert len(as_csv([OURS]).splitlines()) == 2
