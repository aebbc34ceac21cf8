"""From images to the classes that a served model finds in them."""

import dataclasses
import itertools
import os

from alexnet_tf.data.other_formats import other_format
from export.client.alternatives import alternatives
from export.client.batches import batches
from export.client.retry import repeated
from export.client.server_errors import Refused, ServerError, counted, foreign
from export.client.settings import Settings

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


def predict(images, **settings):
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

    def __init__(self, settings):
        self._settings = settings
        self._transport = _transport(settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._transport.close()

    def predict(self, images):
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

    def _predict_batch(self, batch):
        contents = [i.content for i in batch if i.content is not None]
        answers = iter(self._ask(contents) if contents else ())
        return [
            Prediction(image.file, error=image.error)
            if image.content is None
            else _prediction(image, *next(answers))
            for image in batch
        ]

    def _ask(self, contents):
        """[(classes, scores, valid)], one per image."""
        try:
            outputs = repeated(
                lambda seconds: self._transport.predict(contents, seconds),
                self._settings,
            )
        except Refused as refusal:
            raise ServerError(
                f"{self._settings.url} refused a request of "
                f"{counted(contents)}: {refusal}"
                f"{alternatives(self._transport, self._settings)}"
            ) from None
        return self._rows(outputs, len(contents))

    def _rows(self, outputs, count):
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


def _transport(settings):
    if not settings.grpc:
        from export.client.over_rest import RestTransport

        return RestTransport(settings)
    from export.client.over_grpc import GrpcTransport

    return GrpcTransport(settings)


def _checked(classes, scores, valid):
    if not isinstance(valid, bool):
        raise TypeError("valid is no boolean")
    if not all(isinstance(name, str) for name in classes):
        raise TypeError("a class has no name")
    scores = tuple(map(float, scores))
    if len(classes) != len(scores):
        raise ValueError(f"{len(scores)} scores for {len(classes)} classes")
    return tuple(classes), scores, valid


def _prediction(image, classes, scores, valid):
    if not valid:
        error = other_format(image.content) or NOT_VALID
        return Prediction(image.file, error=error)
    return Prediction(image.file, classes, scores)
