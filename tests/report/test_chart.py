"""Where the lines of a chart run."""

import itertools
import math
import pathlib
import re

import pytest

from alexnet_tf.network import build_network, weighted_layers
from alexnet_tf.report import chart as chart_module
from alexnet_tf.report.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    line_chart,
)


def lines(chart):
    """[[(x, y), ...], ...] of a chart's polylines."""
    return [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'<polyline points="([^"]*)"', chart)
    ]


def test_a_line_runs_from_corner_to_corner():
    [line] = lines(line_chart("y", "x", {"a": [(0, 0), (2, 5), (4, 10)]}))
    assert line == [
        (LEFT, HEIGHT - BOTTOM),
        ((LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2),
        (WIDTH - RIGHT, TOP),
    ]


def test_equal_factors_are_equal_distances_on_a_log_axis():
    points = [(epoch, 10.0**-epoch) for epoch in (1, 2, 3, 4)]
    [line] = lines(line_chart("y", "x", {"a": points}, is_log=True))
    steps = [b[1] - a[1] for a, b in itertools.pairwise(line)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)
    assert steps[0] > 0  # downwards


@pytest.mark.parametrize("is_log", [False, True])
def test_one_epoch_is_a_dot(is_log):
    chart = line_chart("y", "x", {"a": [(1, 0.02)]}, is_log=is_log)
    [[(x, y)]] = lines(chart)
    assert LEFT <= x <= WIDTH - RIGHT
    assert TOP <= y <= HEIGHT - BOTTOM
    assert chart.count("<circle") == 1


def test_what_is_not_finite_is_left_out():
    points = [(1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0)]
    chart = line_chart("y", "x", {"a": points})
    assert [len(line) for line in lines(chart)] == [2]
    assert "nan" not in chart
    nothing = line_chart("y", "x", {"a": [(1, math.nan)]})
    assert "nothing to draw" in nothing


def test_names_are_escaped_and_described():
    chart = line_chart("<y>", "x", {"<a>": [(1, 3)], "b": [(1, 2), (2, 1)]})
    assert "<y>" not in chart
    assert "<a>" not in chart
    assert (
        'aria-label="&lt;y&gt; by x: &lt;a&gt; from 3 to 3; b from 2 to 1"'
        in (chart)
    )


def test_every_layer_has_a_colour_of_its_own(small_model):
    small_model.update_from_flattened_dict({"conv6": 8, "bottleneck": 16})
    layers = [x.name for x in weighted_layers(build_network(small_model))]
    assert {"conv6", "bottleneck"} < set(layers)
    chart = line_chart("y", "x", {name: [(1, 1), (2, 2)] for name in layers})
    classes = re.findall(r'<g class="(line\d+)"', chart)
    assert len(classes) == len(layers)
    style = pathlib.Path(chart_module.__file__).with_name("style.css")
    colours = [
        re.findall(rf"\.{name} {{\s*--colour: ([^;]+);", style.read_text())
        for name in classes
    ]
    assert all(colours)
    assert len(set(map(tuple, colours))) == len(layers)
