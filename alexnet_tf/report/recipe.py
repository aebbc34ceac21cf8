"""What the run was made with: config, command, machine, images."""

from alexnet_tf.config import changed_values, config_to_json
from alexnet_tf.report.markup import joined, table, tag
from alexnet_tf.report.page import Section
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


def config_section(config):
    """The whole config, and first what the paper's text has otherwise."""
    changed = [
        (tag("code", key), _value(there), _value(here))
        for section in ("data", "model", "train")
        for key, there, here in changed_values(
            section, paper.get_config(), config
        )
    ]
    differences = table(
        ("option", "the paper (configs/paper.py)", "this run"), changed
    )
    if not changed:
        differences = tag("p", "Nothing differs from configs/paper.py.")
    whole = tag(
        "details",
        tag("summary", "The whole config"),
        tag("pre", config_to_json(config).rstrip()),
    )
    return Section("config", "Config", joined(differences, whole))


def _value(value):
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return value


def origin_section(run, dataset, starts, here):
    """How and where the run was made, and its images.

    Args:
        run: the `Run`.
        dataset: what dataset.json holds.
        starts: see `starts.read_starts`.
        here: see `starts.machine`, of the process that makes the report.
    """
    images = table(
        ("images", "value"),
        [
            ("Set", dataset["name"]),
            ("Training images", _count(dataset["train_images"])),
            ("Validation images", _count(dataset["validation_images"])),
            ("Classes", f"{len(dataset['class_names']):,}"),
            ("Licence", dataset["licence"]),
        ],
    )
    return Section(
        "origin",
        "How it was made",
        joined(
            *_starts(starts, here),
            tag("h3", "Images"),
            images,
            tag("h3", "This report"),
            tag("pre", command("report", run=run.path)),
        ),
    )


def _count(images):
    return "unknown" if images is None else f"{images:,}"


def _starts(starts, here):
    if not starts:
        yield tag(
            "p",
            "The run does not say with which command, where and with which "
            "versions it was trained. The report was made here:",
        )
        yield _machine("report", here)
        return
    yield tag("h3", "Commands")
    for start in starts:
        yield tag("p", start["time"], class_="quiet")
        yield tag("pre", start["command"])
    last = starts[-1]
    yield tag("h3", "Machine and versions")
    yield _machine("last start", last)
    if any(last.get(key) != here[key] for key in MACHINE):
        yield tag("p", "The report was made with others:")
        yield _machine("report", here)


def _machine(what, values):
    return table(
        (what, "value"),
        [(name, values.get(key, "")) for key, name in MACHINE.items()],
    )
