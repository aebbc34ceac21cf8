"""--mode=prepare: any source as 256x256 records with their statistics."""

import pathlib
from collections.abc import Iterable

from alexnet_tf.config import check_config
from alexnet_tf.data.prepared.description import (
    DATASET_FILE,
    read_description,
)
from alexnet_tf.data.prepared.inspection import inspect_prepared
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.sources.open_source import open_whole_source
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.options import Options
from alexnet_tf.terminal.command import command


def main(options: Options) -> int:
    """Prepares a source, or goes on where that stopped; returns 0.

    Where the set is complete, its checksums are looked at.
    """
    config = options.config
    check_config(config)
    if not options.prepared_dir:
        raise UserError("--mode=prepare needs --prepared_dir=DIR")
    folder = pathlib.Path(options.prepared_dir)
    if (folder / DATASET_FILE).is_file():
        return inspect(options, folder)
    source = open_whole_source(
        config.data.name, options.data_dir, options.download
    )
    if source.train.group_of and source.validation is None:
        raise UserError(
            f"{options.data_dir} has groups, which a prepared set does not "
            "keep, and no column split: images of one group would be held out "
            "of training that sees others. Add a column split, or train from "
            "the list itself"
        )
    prepared = prepare(
        source,
        options.prepared_dir,
        options.record_format,
        options.max_rejected,
    )
    print(
        f"{folder} holds {in_words(prepared.records)}; {prepared.rejected} "
        f"images were left out (rejected.csv)\n{next_step(folder)}"
    )
    return 0


def inspect(options: Options, folder: pathlib.Path) -> int:
    """Looks at the checksums of a complete set; returns 0.

    Raises:
        UserError: it is damaged, or was made from another source or with
            another format than is asked for.
    """
    description = read_description(folder)
    source = description.source
    asked = options.config.data.name
    is_asked = options.config_given or "data.name" in options.overrides
    if is_asked and asked != source:
        raise UserError(
            f"{folder} holds a complete set of {source}, not of {asked}: name "
            "another --prepared_dir, or remove it"
        )
    if options.record_format not in (Options.record_format, description.format):
        raise UserError(
            f"{folder} holds a complete set with records of format "
            f"{description.format}, not {options.record_format}: name another "
            "--prepared_dir, or remove it"
        )
    if options.data_dir and is_asked:
        # Checksums are of the records: names of classes have none.
        names = open_whole_source(asked, options.data_dir).class_names
        written = description.class_names
        if tuple(names) != written:
            raise UserError(
                f"{folder} lists the classes {listed(written)}, "
                f"{options.data_dir} has {listed(names)}: name another "
                "--prepared_dir, or remove it"
            )
    records = inspect_prepared(folder)
    print(
        f"{folder} holds {in_words(records)} of format {description.format}, "
        f"made from {source}, complete, and all checksums are right\n"
        f"{next_step(folder)}"
    )
    return 0


def listed(names: Iterable[str]) -> str:
    """Names in a line, cut where they are many."""
    return one_line(", ".join(names), 100)


def in_words(records: dict[str, int]) -> str:
    """{"train": 5, "validation": 2} as text."""
    counts = " and ".join(f"{count} {name}" for name, count in records.items())
    return f"{counts} records"


def next_step(folder: pathlib.Path) -> str:
    """The command that trains on a prepared set."""
    train = command("train", config__data__name="prepared", data_dir=folder)
    return f"next: {train}"
