"""What the run was made with: config, command, machine, images."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from ml_collections import ConfigDict

from alexnet_tf.config import changed_values, config_to_json
from alexnet_tf.report.page import Section
from alexnet_tf.report.rendering import render
from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.command import command
from configs import paper

MACHINE = {  # of `starts.machine`
    "python": "Python",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "system": "System",
    "processor": "Processor",
    "cores": "Cores that the process may use",
    "memory": "Memory",
    "gpus": "GPUs",
}


def config_section(config: ConfigDict) -> Section:
    """The whole config, and first what the paper's text has otherwise."""
    changed = [
        (Markup("<code>{}</code>").format(key), _value(there), _value(here))
        for section in ("data", "model", "train")
        for key, there, here in changed_values(
            section, paper.get_config(), config
        )
    ]
    whole = config_to_json(config).rstrip()
    return Section(
        "config", "Config", render("config", changed=changed, whole=whole)
    )


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return value


def origin_section(
    run: Run,
    dataset: dict[str, Any],
    starts: list[dict[str, Any]],
    here: dict[str, str],
    ancestors: Sequence[str] = (),
) -> Section:
    """How and where the run was made, and its images.

    Args:
        run: the `Run`.
        dataset: what dataset.json holds.
        starts: see `starts.read_starts`.
        here: see `starts.machine`, of the process that makes the report.
        ancestors: what `ancestry` says.
    """
    images = [
        ("Set", dataset["name"]),
        ("Training images", _count(dataset["train_images"])),
        ("Validation images", _count(dataset["validation_images"])),
        ("Classes", f"{len(dataset['class_names']):,}"),
        ("Licence", dataset["licence"]),
    ]
    body = render(
        "origin",
        starts=starts,
        last=_machine(starts[-1]) if starts else None,
        here=_machine(here),
        images=images,
        ancestors=ancestors,
        command=command("report", run=run.path),
    )
    return Section("origin", "How it was made", body)


def _count(images: int | None) -> str:
    return "unknown" if images is None else f"{images:,}"


def _machine(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, values.get(key, "")) for key, name in MACHINE.items()]
