"""How the training went: curves, epochs, speed."""

import datetime

from alexnet_tf.evaluation.top_k import top5_means_something
from alexnet_tf.report.chart import line_chart
from alexnet_tf.report.page import Section
from alexnet_tf.report.rendering import render
from alexnet_tf.run.progress import UPDATE_RATIO

COLUMNS = {  # of history.csv: its heading and format
    "epoch": ("epoch", "{:.0f}"),
    "loss": ("loss", "{:.3f}"),
    "val_loss": ("validation loss", "{:.3f}"),
    "top1_error": ("top-1 error", "{:.2%}"),
    "val_top1_error": ("validation top-1", "{:.2%}"),
    "top5_error": ("top-5 error", "{:.2%}"),
    "val_top5_error": ("validation top-5", "{:.2%}"),
    "learning_rate": ("learning rate", "{:g}"),
    "images_per_second": ("images/s", "{:.0f}"),
}


def training_time(
    rows: list[dict[str, float]], images: int
) -> datetime.timedelta:
    """Time spent on training steps, validation not counted.

    Args:
        rows: of history.csv.
        images: of the training split.

    Returns:
        A `datetime.timedelta` in whole seconds.
    """
    seconds = sum(images / row["images_per_second"] for row in rows)
    return datetime.timedelta(seconds=round(seconds))


def curves_section(
    rows: list[dict[str, float]], classes: int | None = None
) -> Section:
    """Loss, errors and learning rate over the epochs.

    Args:
        rows: of history.csv, at least one.
        classes: number of classes: of few, the top-5 error is left out.
    """
    has_top5 = top5_means_something(classes)
    columns = {
        key: value
        for key, value in COLUMNS.items()
        if has_top5 or "top5" not in key
    }

    def pairs(key: str) -> list[tuple[float, float]]:
        return [(row["epoch"], row[key]) for row in rows]

    def steps(key: str) -> list[tuple[float, float]]:
        """Constant in an epoch: a slope would show rates that never were."""
        return [
            (row["epoch"] + half, row[key])
            for row in rows
            for half in (-0.5, 0.5)
        ]

    def both(key: str) -> dict[str, list[tuple[float, float]]]:
        return {"training": pairs(key), "validation": pairs(f"val_{key}")}

    charts = [
        line_chart("Loss", "epoch", both("loss")),
        line_chart("Top-1 error", "epoch", both("top1_error"), from_zero=True),
        *(
            [
                line_chart(
                    "Top-5 error", "epoch", both("top5_error"), from_zero=True
                )
            ]
            if has_top5
            else []
        ),
        line_chart(
            "Learning rate",
            "epoch",
            {"learning rate": steps("learning_rate")},
            is_log=True,
        ),
        line_chart(
            "Update / weight, of the last step of an epoch",
            "epoch",
            {
                key.removeprefix(f"{UPDATE_RATIO}/"): pairs(key)
                for key in rows[0]
                if key.startswith(UPDATE_RATIO)
            },
            is_log=True,
        ),
    ]
    body = render(
        "curves",
        charts=charts,
        head=[heading for heading, _ in columns.values()],
        rows=[
            [form.format(row[key]) for key, (_, form) in columns.items()]
            for row in rows
        ],
    )
    return Section("curves", "Learning curves", body)
