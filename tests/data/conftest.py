"""Made-up images and sources of them."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.data.image_set import Source, Split


@pytest.fixture
def coded_records():
    """Function that makes records whose pixels say where they come from.

    Channel 0 holds the row, 1 the column and 2 the number of the image.
    """

    def make(count):
        rows, columns = np.mgrid[:256, :256]
        images = [
            np.stack([rows, columns, np.full_like(rows, i)], axis=-1)
            for i in range(count)
        ]
        return np.array(images, np.uint8)

    return make


@pytest.fixture
def source_of():
    """Function that makes a `Source` of images in memory, two classes.

    Image i has label i % 2; the validation split is the training split.
    """

    def make(images, decode=lambda image: image):
        ids = np.arange(len(images), dtype=np.int64)
        examples = tf.data.Dataset.from_tensor_slices(
            {"id": ids, "image": images, "label": ids % 2}
        )
        split = Split(
            examples=examples,
            size=len(images),
            name_of=lambda i: f"image {i}",
        )
        return Source(
            name="made-up",
            class_names=("even", "odd"),
            train=split,
            validation=split,
            decode=decode,
            fingerprint="made-up",
            licence="None.",
        )

    return make


@pytest.fixture
def image_folder(tmp_path):
    """Function that writes noise images: {"train/cat": 3, ...} -> root."""

    def make(counts, size=(8, 8)):
        random = np.random.default_rng(0)
        root = tmp_path / "images"
        root.mkdir()
        for name, count in counts.items():
            folder = root / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 256, (*size, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{i:02d}.bmp")
        return root

    return make
