"""Caffe's mean files: imagenet_mean.binaryproto, ilsvrc_2012_mean.npy."""

import pathlib

import numpy as np

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.weights.caffe_messages import blob_array, parse


def read_mean(path: str | pathlib.Path) -> np.ndarray:
    """The mean of a .binaryproto or .npy file.

    Args:
        path: of a BlobProto [1, 3, 256, 256], or of an array [3, 256, 256] or
            [3]; BGR, 0..255, as Caffe has them.

    Returns:
        float32 [256, 256, 3] or [1, 1, 3], RGB, 0..255.

    Raises:
        UserError: it is something else.
    """
    with readable(path):
        match pathlib.Path(path).suffix:
            case ".binaryproto":
                mean = blob_array(parse("BlobProto", path))
            case ".npy":
                mean = np.load(path, allow_pickle=False)
            case suffix:
                raise UserError(
                    f"--mean_file={path}: .binaryproto or .npy, not {suffix}"
                )
        if mean.dtype.kind not in "fiu":
            raise ValueError(f"no numbers, but {mean.dtype}")
        if mean.ndim == 4 and len(mean) == 1:
            [mean] = mean
        if mean.ndim == 1:
            mean = mean[:, None, None]
        sides = (1, 1), (RECORD_SIZE, RECORD_SIZE)
        if mean.shape[:1] != (3,) or mean.shape[1:] not in sides:
            raise ValueError(
                f"{'x'.join(map(str, mean.shape))} numbers, not 3x256x256 or 3"
            )
        if not (
            np.isfinite(mean).all() and 0 <= mean.min() <= mean.max() <= 255
        ):
            raise ValueError("its numbers are not within 0..255")
    return mean[::-1].transpose(1, 2, 0).astype(np.float32)
