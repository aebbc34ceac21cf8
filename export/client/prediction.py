"""From images to the classes that a served model finds in them."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from alexnet_tf.data.other_formats import other_format
from alexnet_tf.files.text import counted
from export.client.alternatives import alternatives
from export.client.batches import Image, batches
from export.client.retry import repeated
from export.client.server_errors import Refused, ServerError, foreign
from export.client.settings import Settings

if TYPE_CHECKING:
    from export.client.over_grpc import GrpcTransport
    from export.client.over_rest import RestTransport

# The model says whether an image is valid, not why it is not.
NOT_VALID = (
    "not a JPEG, PNG, GIF, BMP or WebP image that can be decoded, or one that "
    "is too long or too large"
)
OUTPUTS = ("classes", "scores", "valid")


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the model finds in one image, or why there is no prediction.

    Attributes:
        file: the path as it was given, or None for bytes.
        classes: names of the most probable classes, best first.
        probabilities: one per class.
        error: what is wrong with the image; None where nothing is.
    """

    file: str | None
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    error: str | None = None


def predict(
    images: Iterable[str | os.PathLike | bytes], **settings: Any
) -> list[Prediction]:
    """Predicts the classes of images; an image at fault fails only itself.

    Args:
        images: iterable of paths (str or `os.PathLike`) and encoded images
            (bytes), read a request at a time.
        **settings: `url`, `model` and the other attributes of `Settings`.

    Returns:
        List of `Prediction`, one per image, in order.

    Raises:
        ServerError: the server is not there or cannot answer.
        UserError: a setting is out of range.
    """
    with Client(Settings(**settings)) as client:
        return list(client.predict(images))


class Client:
    """A connection to a server.

    Args:
        settings: `Settings`.

    Raises:
        UserError: what gRPC needs is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport = _transport(settings)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def predict(
        self, images: Iterable[str | os.PathLike | bytes]
    ) -> Iterator[Prediction]:
        """Yields a `Prediction` for each image as the answers come.

        Args:
            images: see `predict`.

        Raises:
            ServerError: see `predict`.
        """
        if isinstance(images, str | bytes | os.PathLike):
            raise TypeError("images must be an iterable of paths or bytes")
        sent = batches(images, self._settings.batch_size)
        return itertools.chain.from_iterable(map(self._predict_batch, sent))

    def version(self) -> int:
        """The version that answers: the one asked for, or the newest.

        Raises:
            ServerError: see `predict`; or there is no such version.
        """
        settings = self._settings
        try:
            found = repeated(self._transport.available, settings)
        except Refused as refusal:
            raise ServerError(
                f"{settings.url} refused: {refusal}"
                f"{alternatives(self._transport, settings)}"
            ) from None
        if not found:
            raise ServerError(
                f"{settings.url} has no version of model {settings.model} that "
                "is available"
            )
        return max(found)

    def _predict_batch(self, batch: list[Image]) -> list[Prediction]:
        contents = [i.content for i in batch if i.content is not None]
        answers = iter(self._ask(contents) if contents else ())
        return [
            Prediction(image.file, error=image.error)
            if image.content is None
            else _prediction(image, *next(answers))
            for image in batch
        ]

    def _ask(self, contents: list[bytes]) -> list[tuple]:
        """[(classes, scores, valid)], one per image."""
        try:
            outputs = repeated(
                lambda seconds: self._transport.predict(contents, seconds),
                self._settings,
            )
        except Refused as refusal:
            raise ServerError(
                f"{self._settings.url} refused a request of "
                f"{counted(len(contents), 'image')}: {refusal}"
                f"{alternatives(self._transport, self._settings)}"
            ) from None
        return self._rows(outputs, len(contents))

    def _rows(self, outputs: Any, count: int) -> list[tuple]:
        settings = self._settings
        if not isinstance(outputs, dict) or not outputs.keys() >= set(OUTPUTS):
            names = sorted(outputs) if isinstance(outputs, dict) else ["values"]
            raise ServerError(
                f"signature {settings.signature} of model {settings.model} "
                f"answers {', '.join(names)}; needed are {', '.join(OUTPUTS)}"
            )
        try:
            rows = list(zip(*map(outputs.get, OUTPUTS), strict=True))
            if len(rows) != count:
                raise ValueError(f"{len(rows)} answers for {count} images")
            return [_checked(*row) for row in rows]
        except (TypeError, ValueError) as error:
            raise ServerError(foreign(settings.url, error)) from None


def _transport(settings: Settings) -> RestTransport | GrpcTransport:
    if not settings.grpc:
        from export.client.over_rest import RestTransport

        return RestTransport(settings)
    from export.client.over_grpc import GrpcTransport

    return GrpcTransport(settings)


def _checked(classes: Any, scores: Any, valid: Any) -> tuple:
    if not isinstance(valid, bool):
        raise TypeError("valid is no boolean")
    if not all(isinstance(name, str) for name in classes):
        raise TypeError("a class has no name")
    scores = tuple(map(float, scores))
    if len(classes) != len(scores):
        raise ValueError(f"{len(scores)} scores for {len(classes)} classes")
    return tuple(classes), scores, valid


def _prediction(
    image: Image,
    classes: tuple[str, ...],
    scores: tuple[float, ...],
    valid: bool,
) -> Prediction:
    if not valid:
        assert image.content is not None  # it was sent
        error = other_format(image.content) or NOT_VALID
        return Prediction(image.file, error=error)
    return Prediction(image.file, classes, scores)
