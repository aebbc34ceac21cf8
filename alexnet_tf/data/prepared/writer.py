"""Prepares a source: once, resumably, always to the same bytes."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split
from alexnet_tf.data.prepared.description import DATASET_FILE
from alexnet_tf.data.prepared.encoding import encoded_batches
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.plan import Plan, in_writing_order
from alexnet_tf.data.prepared.reader import MEAN_FILE
from alexnet_tf.data.prepared.rejections import Rejections
from alexnet_tf.data.prepared.shard_writer import (
    FinishedShard,
    Rejected,
    ShardWriter,
    finished_shard,
)
from alexnet_tf.data.preprocess import why_rejected
from alexnet_tf.data.statistics import BATCH, PixelSums, principal_components
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.atomic import replacing, write_text
from alexnet_tf.terminal.progress import ProgressReport

UNFINISHED = ".unfinished"
PLAN_FILE = "plan.json"


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a preparation made.

    Attributes:
        records: {"train": number of records, ...}.
        rejected: number of images that were left out.
    """

    records: dict
    rejected: int


def prepare(
    source: Source,
    folder: str | pathlib.Path,
    record_format: str = "jpeg",
    max_rejected: float = 0.001,
) -> Prepared:
    """Writes a prepared set, or finishes one that was begun.

    Args:
        source: a `Source`; its validation split may be None.
        folder: of the set, see `data.prepared`.
        record_format: "jpeg" or "raw".
        max_rejected: share of the images that may be unusable.

    Returns:
        `Prepared`.

    Raises:
        UserError: the folder holds another set or cannot be written, the
            source cannot be read, or too many images are unusable. What is
            complete stays; the same call goes on from there.
    """
    folder = pathlib.Path(folder)
    splits = {"train": source.train, "validation": source.validation}
    splits = {name: split for name, split in splits.items() if split}
    plan = Plan(
        source=source.name,
        fingerprint=source.fingerprint,
        record_format=record_format,
        sizes={name: split.size for name, split in splits.items()},
    )
    try:
        return _Preparation(
            source=source,
            splits=splits,
            plan=plan,
            folder=folder,
            max_rejected=max_rejected,
        ).run()
    except (OSError, tf.errors.OpError) as error:
        raise _stopped(f"{folder} cannot be written", error) from None


def _stopped(what: str, error: Exception) -> UserError:
    """A `UserError` about an OSError or one of TensorFlow's."""
    reason = getattr(error, "strerror", None) or str(error)
    reason = re.sub(r"\{\{.*?\}\}", "", reason)  # names of graph nodes
    return UserError(
        f"{what}: {one_line(reason, 200)}. All complete shards are "
        "kept: when that is mended, the same command goes on there"
    )


class _Preparation:
    """The steps of `prepare`."""

    def __init__(
        self,
        *,
        source: Source,
        splits: dict[str, Split],
        plan: Plan,
        folder: pathlib.Path,
        max_rejected: float,
    ) -> None:
        self._source = source
        self._splits = splits
        self._plan = plan
        self._format = FORMATS[plan.record_format]
        self._folder = folder
        self._notes = folder / UNFINISHED
        total = sum(plan.sizes.values())
        self._rejections = Rejections(folder, total, max_rejected)
        self._sums = PixelSums()  # of the training split

    def run(self) -> Prepared:
        if (self._folder / DATASET_FILE).is_file():
            raise UserError(
                f"{self._folder} holds a complete set: name another "
                "--prepared_dir, or remove it"
            )
        self._notes.mkdir(parents=True, exist_ok=True)
        self._plan.agree_with(self._notes / PLAN_FILE)
        for killed in self._folder.glob(f".*.{self._format.extension}"):
            killed.unlink()
        summaries = {name: self._prepare_split(name) for name in self._splits}
        if not self._sums.count:
            raise UserError("not one training image can be used")
        self._write_description(summaries)
        shutil.rmtree(self._notes)
        return Prepared(
            {
                name: sum(shard["records"] for shard in shards)
                for name, shards in summaries.items()
            },
            len(self._rejections),
        )

    def _prepare_split(self, name: str) -> list[dict]:
        """Writes what is missing; returns the shards' summaries."""
        shards = self._plan.shards(name)
        summaries, done = [], 0
        for file, _, end in shards:
            finished = finished_shard(self._folder / file, self._notes)
            if finished is None:
                break
            summaries.append(self._take_in(name, finished))
            done = end
        left = shards[len(summaries) :]
        if not left:
            return summaries
        if summaries:
            print(f"{name}: {len(summaries)} of {len(shards)} shards are done")
        batches = iter(self._batches(name, done))
        with ProgressReport(name, self._plan.sizes[name] - done) as progress:
            for file, begin, end in left:
                writer = ShardWriter(
                    self._folder / file, self._notes, self._format
                )
                for _ in range(-(-(end - begin) // BATCH)):
                    self._add_batch(writer, name, self._next(batches), progress)
                writer.finish()
                finished = finished_shard(self._folder / file, self._notes)
                assert finished is not None  # `finish` has written it
                summaries.append(self._take_in(name, finished))
        return summaries

    def _batches(self, name: str, skipped: int) -> tf.data.Dataset:
        examples = in_writing_order(self._splits[name]).skip(skipped)
        return encoded_batches(
            examples,
            self._source.decode,
            self._format,
            os.cpu_count() or 1,
        )

    def _next(self, batches: Iterator[dict[str, Any]]) -> dict[str, Any]:
        """The next one; what fails here is reading the source."""
        try:
            return next(batches)
        except tf.errors.OpError as error:
            what = f"{self._source.name} cannot be read"
            raise _stopped(what, error) from None

    def _add_batch(
        self,
        writer: ShardWriter,
        split: str,
        batch: dict[str, Any],
        progress: ProgressReport,
    ) -> None:
        valid = batch["valid"].numpy()
        encoded = batch["bytes"].numpy()
        numbers, labels = batch["id"].numpy(), batch["label"].numpy()
        for i, number in enumerate(numbers.tolist()):
            name = self._splits[split].name_of(number)
            if valid[i]:
                writer.add(number, int(labels[i]), name, encoded[i])
            else:
                image = _row(batch["image"], i)
                reason = why_rejected(image, self._source.decode)
                writer.reject(Rejected(split, name, str(reason)))
        writer.add_sums(valid.sum(), *batch["sums"])
        progress.advance(len(numbers))

    def _take_in(self, split: str, finished: FinishedShard) -> dict:
        """Adds a complete shard to what the set is; returns its summary."""
        self._rejections.add(finished.rejected)
        if split == "train":
            self._sums.add(**vars(finished.sums))
        return finished.summary

    def _write_description(self, summaries: dict[str, list[dict]]) -> None:
        self._rejections.write()
        with (
            replacing(self._folder / MEAN_FILE) as temporary,
            open(temporary, "wb") as file,
        ):
            np.save(file, self._sums.mean_image())
        covariance = self._sums.covariance()
        eigenvectors, eigenvalues = principal_components(covariance)
        description = {
            "version": self._plan.version,
            "source": self._plan.source,
            "source_fingerprint": self._plan.fingerprint,
            "licence": self._source.licence,
            "format": self._plan.record_format,
            "class_names": self._source.class_names,
            "images": self._plan.sizes,
            "rejected": len(self._rejections),
            # The covariance is that of RGB on the 0..255 scale, over the
            # training pixels.
            "covariance": covariance.tolist(),
            "eigenvalues": eigenvalues.tolist(),
            "eigenvectors": eigenvectors.T.tolist(),
            "splits": summaries,
        }
        # This comes last: with it the set is complete.
        text = json.dumps(description, indent=1, ensure_ascii=False)
        write_text(self._folder / DATASET_FILE, text + "\n")


def _row(structure: Any, i: int) -> Any:
    return tf.nest.map_structure(lambda rows: rows[i], structure)
