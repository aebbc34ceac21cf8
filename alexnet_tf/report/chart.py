"""Line charts as SVG, in the colours of the page."""

import math
from collections.abc import Callable

from markupsafe import Markup
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from alexnet_tf.report.rendering import render

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 36  # of the plot, in the picture


def line_chart(
    title: str,
    x_name: str,
    series: dict[str, list[tuple[float, float]]],
    is_log: bool = False,
    from_zero: bool = False,
) -> Markup:
    """Lines over a common x axis, with a legend above them.

    Args:
        title: what is on the y axis.
        x_name: what is on the x axis, whole numbers.
        series: {name: [(x, y), ...]}, at most ten; what is not finite, or not
            positive where `is_log`, is left out.
        is_log: whether the y axis is logarithmic.
        from_zero: whether the y axis begins at 0.

    Returns:
        A figure element as `Markup`.
    """
    drawable = {
        name: [
            point
            for point in points
            if math.isfinite(point[1]) and (point[1] > 0 or not is_log)
        ]
        for name, points in series.items()
    }
    points = [point for line in drawable.values() for point in line]
    legend = list(series) if len(series) > 1 else []
    if not points:
        return render("chart", title=title, legend=legend, lines=[])
    x_axis = _Axis(
        [x for x, _ in points],
        (LEFT, WIDTH - RIGHT),
        MaxNLocator(6, integer=True),
    )
    y_axis = _Axis(
        [y for _, y in points] + [0] * from_zero,
        (HEIGHT - BOTTOM, TOP),
        LogLocator(numticks=6) if is_log else MaxNLocator(5),
        math.log10 if is_log else float,
    )
    return render(
        "chart",
        title=title,
        legend=legend,
        x_name=x_name,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        x_ticks=[(f"{tick:g}", x_axis.place(tick)) for tick in x_axis.ticks],
        y_ticks=[(f"{tick:g}", y_axis.place(tick)) for tick in y_axis.ticks],
        lines=[
            [(x_axis.place(x), y_axis.place(y)) for x, y in line]
            for line in drawable.values()
        ],
        description=_description(title, x_name, drawable),
    )


class _Axis:
    """Maps values to pixels and knows where the ticks are."""

    def __init__(
        self,
        values: list[float],
        pixels: tuple[int, int],
        locator: Locator,
        scale: Callable = float,
    ) -> None:
        low, high = min(values), max(values)
        ticks = locator.tick_values(low, high)
        inside = [t for t in ticks if low <= t <= high]
        # Ticks at both ends make the range; a single value still needs one.
        if len(inside) < 2 or scale is not math.log10:
            inside = list(ticks)
        self.ticks = inside
        self._ends = tuple(
            scale(v) for v in (min(low, *inside), max(high, *inside))
        )
        self._pixels = pixels
        self._scale = scale

    def place(self, value: float) -> float:
        low, high = self._ends
        share = (self._scale(value) - low) / (high - low)
        start, end = self._pixels
        return round(start + share * (end - start), 1)


def _description(
    title: str, x_name: str, series: dict[str, list[tuple[float, float]]]
) -> str:
    lines = (
        f"{name} from {line[0][1]:.3g} to {line[-1][1]:.3g}"
        for name, line in series.items()
        if line
    )
    return f"{title} by {x_name}: {'; '.join(lines)}"
