"""The table of ablations against SciPy."""

import csv
import math

import numpy as np
import pytest
from scipy import stats

from alexnet_tf.analysis.ablation_table import (
    MOST_SEEDS,
    Variant,
    as_csv,
    markdown,
    mean_and_half_width,
)

WHOLE = Variant("whole", {0: 0.20, 1: 0.22, 2: 0.21}, {0: 0.02, 1: 0.02, 2: 0})
NO_LRN = Variant(
    "no LRN",
    {0: 0.23, 1: 0.26, 2: 0.23},
    {0: 0.03, 1: 0.03, 2: 0.03},
    (1.4, 1.2),
)
ONE_RUN = Variant("tanh", {1: 0.5}, {1: 0.25}, (2.0, None))
NO_RUN = Variant("without conv3", {}, {})


@pytest.mark.parametrize("count", [2, 3, MOST_SEEDS])
def test_interval_of_a_mean(count):
    values = np.random.default_rng(count).random(count)
    mean, half_width = mean_and_half_width(values)
    low, high = stats.t.interval(
        0.95, count - 1, loc=values.mean(), scale=stats.sem(values)
    )
    assert mean - half_width == pytest.approx(low, abs=1e-3)
    assert mean + half_width == pytest.approx(high, abs=1e-3)


def test_one_value_has_no_interval():
    assert mean_and_half_width([0.5])[0] == 0.5
    assert math.isnan(mean_and_half_width([0.5])[1])


def test_differences_are_taken_seed_by_seed():
    rows = list(
        csv.reader(as_csv(WHOLE, [NO_LRN, ONE_RUN, NO_RUN]).splitlines())
    )
    assert [row[0] for row in rows[1:]] == ["whole", "no LRN", "tanh"]
    # 3, 4 and 2 points: 3 on average, 1 / sqrt(3) * 4.303 = 2.5 about it.
    assert rows[2][2:5] == ["24.0 ± 4.3", "+3.0 ± 2.5", "+1.4"]
    assert rows[3][1:5] == ["1", "50.0", "+28.0", "+2.0"]
    assert rows[3][7] == ""
    assert rows[1][3] == rows[1][4] == ""


def test_markdown_has_the_same_cells():
    lines = markdown(WHOLE, [NO_LRN]).splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines]
    rows = list(csv.reader(as_csv(WHOLE, [NO_LRN]).splitlines()))
    assert [cells[0], *cells[2:]] == rows
