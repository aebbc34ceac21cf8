"""The data set that ships with the package: 7,000 Fashion-MNIST images."""

import hashlib
import pathlib

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split, table_split

IMAGES = pathlib.Path(__file__).parent / "fashion_mnist" / "images.npz"
# The order of the labels is that of
# https://github.com/zalandoresearch/fashion-mnist.
CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def load_embedded() -> Source:
    """6,000 training and 1,000 validation images of clothes, 10 classes.

    28x28 greyscale; `decode` repeats the one channel three times.
    """
    with np.load(IMAGES, allow_pickle=False) as arrays:
        train, validation = (
            _split(name, arrays[f"{name}_images"], arrays[f"{name}_labels"])
            for name in ("train", "validation")
        )
    return Source(
        name="embedded",
        title="Fashion-MNIST (embedded)",
        class_names=CLASS_NAMES,
        train=train,
        validation=validation,
        decode=lambda image: tf.repeat(image[..., None], 3, axis=-1),
        fingerprint=hashlib.sha256(IMAGES.read_bytes()).hexdigest(),
        licence="Fashion-MNIST, copyright 2017 Zalando SE, MIT licence.",
    )


def _split(name: str, images: np.ndarray, labels: np.ndarray) -> Split:
    table = {
        "id": np.arange(len(labels), dtype=np.int64),
        "image": images,  # 28x28: small enough
        "label": labels.astype(np.int64),
    }
    return table_split(table, lambda i: f"{name} image {i}")
