"""The run in a few numbers."""

from typing import Any

from markupsafe import Markup

from alexnet_tf.evaluation.by_class import TOP1
from alexnet_tf.evaluation.tables import VIEWS, Outcome
from alexnet_tf.report.rendering import render
from alexnet_tf.report.results import best_epoch
from alexnet_tf.report.training import training_time


def introduction(
    outcome: Outcome | None,
    rows: list[dict[str, float]],
    dataset: dict[str, Any],
    parameters: int,
    left_out: str | None,
    monitor: str = TOP1,
) -> Markup:
    """What stands below the heading.

    Args:
        outcome: the run's `Outcome`, or None.
        rows: of history.csv; empty where nothing was trained here.
        dataset: what dataset.json holds.
        parameters: of the network, trainable ones.
        left_out: why the sections that need images are left out, or None.
        monitor: see `best_epoch`.
    """
    facts = [("Parameters", f"{parameters:,}")]
    if outcome:
        views = VIEWS[outcome.crops]
        facts.append((f"Top-1 error, {views}", f"{outcome.top1_error:.1%}"))
        if outcome.balanced_accuracy is not None:
            facts.append(
                ("Balanced accuracy", f"{outcome.balanced_accuracy:.1%}")
            )
        if outcome.macro_f1 is not None:
            facts.append(("Macro F1", f"{outcome.macro_f1:.1%}"))
        if outcome.has_top5:
            facts.append((f"Top-5 error, {views}", f"{outcome.top5_error:.1%}"))
    if rows:
        images = dataset["train_images"]
        time = training_time(rows, images)
        speed = len(rows) * images / max(time.total_seconds(), 1)
        facts += [
            ("Epochs", f"{len(rows)}"),
            ("Training images", f"{images:,}"),
            ("Images/s in training", f"{speed:.0f}"),
            ("Time in training steps", str(time)),
        ]
        if best := best_epoch(rows, monitor):
            facts.append(("Best epoch", f"{best['epoch']:.0f}"))
    return render("summary", dataset=dataset, facts=facts, left_out=left_out)
