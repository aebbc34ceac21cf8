"""Trained networks that answer alone or together, from runs and exports."""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Callable, Iterable

import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.evaluation.shared_crops import predictor
from alexnet_tf.files.checksums import file_sha256
from alexnet_tf.files.text import read_text
from alexnet_tf.files.versions import versions_in
from alexnet_tf.run.about import about_run, about_version
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import TrainedNetwork, load_trained

SAVED_MODEL = "saved_model.pb"
RECORDS = tf.TensorSpec([None, RECORD_SIZE, RECORD_SIZE, 3], tf.uint8)


@dataclasses.dataclass(frozen=True)
class Member:
    """One network of an ensemble.

    Attributes:
        name: path of the run or of the exported version.
        about: which network it is, in one line.
        class_names: one per probability.
        probabilities: from uint8 records [B, 256, 256, 3] to float64 [B,
            classes], the mean over the crops.
    """

    name: str
    about: str
    class_names: tuple[str, ...]
    probabilities: Callable


def run_member(run: Run, crops: int, tower_devices: str = "none") -> Member:
    """A run with its best weights; `crops` is 1 (centre) or 10."""
    return loaded_member(run, load_trained(run, tower_devices), crops)


def loaded_member(run: Run, trained: TrainedNetwork, crops: int) -> Member:
    """The same of a network that is loaded already."""
    return Member(
        str(run.path),
        about_run(run),
        trained.class_names,
        tf.function(
            predictor(trained.network, trained.crop, crops),
            input_signature=[RECORDS],
        ),
    )


def open_members(
    paths: Iterable[str | pathlib.Path], crops: int, tower_devices: str = "none"
) -> list[Callable[[], Member]]:
    """Functions that load the members at `paths`, one at a time.

    Args:
        paths: run folders, versions that --mode=export wrote, or folders of
            such versions, of which the newest counts.
        crops: 1 or 10; an exported model always takes ten.
        tower_devices: see `resolve_tower_devices`.

    Raises:
        UserError: a path is neither, or an export is asked for one crop.
    """
    return [_opener(path, crops, tower_devices) for path in paths]


def _opener(
    path: str | pathlib.Path, crops: int, tower_devices: str
) -> Callable[[], Member]:
    version = _exported_version(pathlib.Path(path))
    if version is None:
        run = trained_run(path)
        return functools.partial(run_member, run, crops, tower_devices)
    if crops != 10:
        raise UserError(
            f"{path} is an exported model, which always takes ten crops: "
            "omit --crops=1, or name the run instead"
        )
    return functools.partial(_export_member, version)


def _exported_version(path: pathlib.Path) -> pathlib.Path | None:
    """The folder with the SavedModel; None where there is none, or a run.

    Earlier versions of this program could export into the folder of a run.
    """
    if Run(path).exists:
        return None
    if (path / SAVED_MODEL).is_file():
        return path
    if not path.is_dir():
        return None
    versions = versions_in(path).values()
    complete = [v for v in versions if (v / SAVED_MODEL).is_file()]
    return complete[-1] if complete else None


def _export_member(version: pathlib.Path) -> Member:
    try:
        model = tf.saved_model.load(str(version))
        labels = read_text(version / "assets" / "labels.txt")
    except (OSError, ValueError) as error:
        reason = one_line(error, 200)
        raise UserError(
            f"{version} is no model that --mode=export wrote: {reason}"
        ) from None

    if "images" not in model.signatures:
        raise UserError(f"{version} has no signature images: export it again")

    def probabilities(records: tf.Tensor) -> tf.Tensor:
        # The function is kept by the model, which lives as long as something
        # refers to it.
        mean = model.signatures["images"](images=records)["probabilities"]
        return tf.cast(mean, tf.float64)

    return Member(
        str(version),
        about_version(version),
        tuple(labels.splitlines()),
        probabilities,
    )


def check_same_answers(members: Iterable[Member]) -> None:
    """Raises `UserError` if not all members have the same classes."""
    first, *others = members
    for other in others:
        if other.class_names != first.class_names:
            raise UserError(
                f"{other.name} was trained on other classes than "
                f"{first.name}: their probabilities cannot be averaged"
            )


def digest(members: Iterable[Member]) -> str:
    """What tells these networks from others: 16 hexadecimal digits.

    They follow from the weights alone, so that a folder may be moved.
    """
    digests = hashlib.sha256()
    for member in members:
        path = pathlib.Path(member.name)
        version = _exported_version(path)
        files = (
            [Run(path).best_weights]
            if version is None
            else [version / SAVED_MODEL, *sorted(version.glob("variables/*"))]
        )
        for file in files:
            digests.update(file_sha256(file).encode())
    return digests.hexdigest()[:16]
