"""Mean image and principal components of the training pixels."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, replacing
from alexnet_tf.terminal.progress import ProgressReport

BATCH = 32  # records that `batch_sums` may be given


class PixelSums:
    """What a mean image and a covariance follow from, exactly.

    Attributes:
        count: number of records.
        image: int64 [256, 256, 3], the records' sum.
        products: int64 [3, 3], sum of the outer products of all pixels.
    """

    def __init__(self) -> None:
        self.count = 0
        self.image = np.zeros([RECORD_SIZE, RECORD_SIZE, 3], np.int64)
        self.products = np.zeros([3, 3], np.int64)

    def add(
        self,
        count: int,
        image: np.ndarray | tf.Tensor,
        products: np.ndarray | tf.Tensor,
    ) -> None:
        """Adds the sums of `count` other records, see `batch_sums`."""
        self.count += int(count)
        self.image += np.asarray(image, np.int64)
        self.products += np.asarray(products, np.int64)

    def mean_image(self) -> np.ndarray:
        """float64 [256, 256, 3], 0..255."""
        return self.image / self.count

    def covariance(self) -> np.ndarray:
        """float64 [3, 3] of RGB, divided by the number of pixels."""
        pixels = self.count * RECORD_SIZE**2
        mean = self.image.sum(axis=(0, 1)) / pixels
        return self.products / pixels - np.outer(mean, mean)


def batch_sums(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum of the records and sum of the outer products of their pixels.

    Exact: both sums, over 32 records and over an image row, are below
    2^24, which float32 holds; only then are rows added, in float64.

    Args:
        records: uint8 [B, 256, 256, 3], B at most 32.

    Returns:
        (float64 [256, 256, 3], float64 [3, 3]), whole numbers.
    """
    pixels = tf.cast(records, tf.float32)
    rows = tf.reshape(pixels, [-1, RECORD_SIZE, 3])
    products = tf.matmul(rows, rows, transpose_a=True)
    return (
        tf.cast(tf.reduce_sum(pixels, axis=0), tf.float64),
        tf.reduce_sum(tf.cast(products, tf.float64), axis=0),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statistics:
    """What the network needs to know about its training images.

    Attributes:
        mean_image: [256, 256, 3] float64, 0..255.
        covariance: [3, 3] float64, of RGB pixels over all training images,
            0..255 scale, divided by the number of pixels.
        rejected_train, rejected_validation: int64 ids of the images that
            cannot be decoded.
        fingerprint: of the data, see `Source`.
    """

    mean_image: np.ndarray
    covariance: np.ndarray
    rejected_train: np.ndarray
    rejected_validation: np.ndarray
    fingerprint: str

    def principal_components(self) -> tuple[np.ndarray, np.ndarray]:
        """See `principal_components`; on the 0..255 scale."""
        return principal_components(self.covariance)

    def save(self, path: pathlib.Path) -> None:
        """Writes an .npz file, completely or not at all."""
        with replacing(path) as temporary:
            np.savez(temporary, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: pathlib.Path) -> "Statistics":
        """Reads what `save` wrote."""
        names = [field.name for field in dataclasses.fields(cls)]
        # The file is opened here, since numpy leaves a damaged one open.
        with (
            readable(path),
            open(path, "rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            fields = {name: arrays[name] for name in names}
            fields["fingerprint"] = str(fields["fingerprint"])
            statistics = cls(**fields)
            statistics.check()
        return statistics

    def check(self) -> None:
        """Raises `ValueError` where the arrays are no such statistics."""
        for array, shape in (
            (self.mean_image, (RECORD_SIZE, RECORD_SIZE, 3)),
            (self.covariance, (3, 3)),
        ):
            if array.shape != shape or array.dtype != np.float64:
                raise ValueError(
                    f"{array.dtype} {array.shape} instead of float64 {shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError("it holds numbers that are not finite")


def principal_components(
    covariance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors [3, 3], one per column, and eigenvalues [3].

    Largest eigenvalue first.
    """
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    return eigenvectors[:, ::-1], np.maximum(eigenvalues[::-1], 0)


def imagenet_statistics(fingerprint: str) -> Statistics:
    """ImageNet's published values, for those who skip the pass.

    The mean is of each colour, the same at all places: 123.68, 116.779,
    103.939 (ILSVRC-2014, K. Simonyan's networks). Eigenvalues and
    eigenvectors of RGB are those of fb.resnet.torch, on the 0..1 scale.

    Args:
        fingerprint: of the data that they are used for.
    """
    mean = np.array([123.68, 116.779, 103.939])
    eigenvalues = np.array([0.2175, 0.0188, 0.0045]) * 255**2
    eigenvectors = np.array(
        [
            [-0.5675, 0.7192, 0.4009],
            [-0.5808, -0.0045, -0.8140],
            [-0.5836, -0.6948, 0.4203],
        ]
    )
    none = np.empty(0, np.int64)
    return Statistics(
        mean_image=np.tile(mean, (RECORD_SIZE, RECORD_SIZE, 1)),
        covariance=(eigenvectors * eigenvalues) @ eigenvectors.T,
        rejected_train=none,
        rejected_validation=none,
        fingerprint=fingerprint,
    )


def load_or_measure(
    path: str | pathlib.Path,
    fingerprint: str,
    train: Records,
    validation: Records,
    known: Callable[[str], Statistics] | None = None,
) -> Statistics:
    """The statistics at `path`, known or measured and saved where missing.

    Broken images are left out of `train` and `validation` and reported.

    Args:
        path: of the .npz file.
        fingerprint: of the data; must equal the saved one.
        train, validation: `Records`.
        known: from the fingerprint to the `Statistics`, where nothing has to
            be measured.

    Raises:
        UserError: the saved statistics belong to other data, or no image can
            be decoded.
    """
    path = pathlib.Path(path)
    if path.exists():
        statistics = load_checked(path, fingerprint)
    else:
        if known:
            statistics = known(fingerprint)
        else:
            statistics = measure(fingerprint, train, validation)
        statistics.save(path)
    _leave_out(train, statistics.rejected_train)
    _leave_out(validation, statistics.rejected_validation)
    return statistics


def load_checked(path: pathlib.Path, fingerprint: str) -> Statistics:
    """The statistics at `path`; `UserError` if they belong to other data."""
    statistics = Statistics.load(path)
    if statistics.fingerprint != fingerprint:
        raise UserError(
            f"{path} was measured on other data: the images have changed "
            "since this run began, or it was begun by a version that passed "
            "over valid/ and images in sub-folders; start a new one with "
            "another --run"
        )
    return statistics


def measure(
    fingerprint: str, train: Records, validation: Records
) -> Statistics:
    """One pass over both splits; see `load_or_measure`."""
    pixel_sums = PixelSums()
    decoded = []
    batches = (
        train.dataset()
        .batch(BATCH)
        .map(
            lambda batch: (batch["id"], *batch_sums(batch["image"])),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    )
    with ProgressReport("mean image", train.split.size) as progress:
        for ids, *sums in batches:
            decoded.append(ids.numpy())
            pixel_sums.add(len(ids), *sums)
            progress.advance(len(ids))
    if not pixel_sums.count:
        raise UserError("not one training image can be decoded")
    return Statistics(
        mean_image=pixel_sums.mean_image(),
        covariance=pixel_sums.covariance(),
        rejected_train=train.missing(np.concatenate(decoded)),
        rejected_validation=validation.missing(_decodable_ids(validation)),
        fingerprint=fingerprint,
    )


def _decodable_ids(records: Records) -> np.ndarray:
    ids = []
    with ProgressReport("validation images", records.split.size) as progress:
        for batch in records.dataset().batch(BATCH):
            ids.append(batch["id"].numpy())
            progress.advance(len(ids[-1]))
    if not ids:
        raise UserError("not one validation image can be decoded")
    return np.concatenate(ids)


def _leave_out(records: Records, rejected: np.ndarray) -> None:
    records.leave_out(rejected)
    if len(rejected):
        print(
            f"skipped {len(rejected)} of {records.split.size} images, which "
            f"cannot be decoded:\n{records.names(rejected)}"
        )
