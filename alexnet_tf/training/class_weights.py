"""What an image counts in the loss, by its class."""

from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict

from alexnet_tf.errors import UserError
from alexnet_tf.files.text import few


def class_weights(
    train: ConfigDict,
    class_names: tuple[str, ...],
    images_of_classes: Callable[[int], np.ndarray],
) -> np.ndarray | None:
    """The factor on the loss of the images of each class.

    Balanced, it is the mean number of images of a class over that of the class
    itself: each class counts the same, and an image 1 in the mean.

    Args:
        train: the `train` section of a config, see `check_class_weights`.
        class_names: one per label.
        images_of_classes: from the number of classes to int64 [classes], the
            training images of each; called only for balanced weights, since
            it may read all images.

    Returns:
        float32 [classes]; None: 1 for all.
    """
    match train.class_weights:
        case "none":
            return None
        case "balanced":
            images = images_of_classes(len(class_names))
            mean = images.sum() / np.count_nonzero(images)
            return np.where(images, mean / np.maximum(images, 1), 0.0).astype(
                np.float32
            )
    given = dict(train.class_weight_values)
    return np.array([given.get(n, 1.0) for n in class_names], np.float32)


def check_class_weights(
    train: ConfigDict, class_names: tuple[str, ...]
) -> None:
    """Raises `UserError` for a weight of a class that is not there.

    Before any image is read.
    """
    given = dict(train.class_weight_values)
    if unknown := [name for name in given if name not in class_names]:
        raise UserError(
            f"config.train.class_weight_values names {unknown[0]}, which is "
            f"no class: they are {few(class_names)}"
        )
