"""Mistakes with their photographs and the evidence for the guess."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from alexnet_tf.analysis.grad_cam import Evidence
from alexnet_tf.evaluation.mistakes import LabelError, Mistake

SIDE = 160  # of a thumbnail, in pixels


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownMistake:
    """A mistake that can be looked at.

    Attributes:
        mistake: what is known of it.
        image: uint8 [SIDE, SIDE, 3], its central crop.
        evidence: uint8 [SIDE, SIDE, 3], Grad-CAM of the guess laid over it.
    """

    mistake: Mistake
    image: np.ndarray
    evidence: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownLabelError:
    """A probable label error that can be looked at.

    Attributes:
        error: what is known of it.
        image: uint8 [SIDE, SIDE, 3], the record made smaller.
    """

    error: LabelError
    image: np.ndarray


def shown_mistakes(
    found: Sequence[Mistake],
    records: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    evidence: Evidence,
) -> list[ShownMistake]:
    """`ShownMistake`s of those whose images are there, in their order.

    Args:
        found: the mistakes.
        records: {image: uint8 [256, 256, 3]}.
        class_names: one per label of the network.
        evidence: of the network.
    """
    there = [mistake for mistake in found if mistake.image in records]
    if not there:
        return []
    crops, pictures = evidence(
        np.stack([records[mistake.image] for mistake in there]),
        np.array([class_names.index(mistake.guess) for mistake in there]),
    )
    return [
        ShownMistake(mistake=mistake, image=image, evidence=picture)
        for mistake, image, picture in zip(
            there, _thumbnails(crops), _thumbnails(pictures), strict=True
        )
    ]


def shown_label_errors(
    found: Sequence[LabelError], records: Mapping[str, np.ndarray]
) -> list[ShownLabelError]:
    """`ShownLabelError`s of those whose images are there, in their order.

    Args:
        found, records: see `shown_mistakes`.
    """
    return [
        ShownLabelError(error=error, image=_thumbnails(record[None])[0])
        for error in found
        if (record := records.get(error.image)) is not None
    ]


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """uint8 [B, SIDE, SIDE, 3] of uint8 [B, side, side, 3]."""
    small = tf.image.resize(images, (SIDE, SIDE), method="area")
    return np.round(small).astype(np.uint8)
