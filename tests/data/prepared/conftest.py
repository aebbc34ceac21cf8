"""A folder of images of many kinds, and a set prepared from it."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.sources.folder import load_folder

CLASSES = ("cat", "dog")


def picture(seed, size=(90, 120)):
    """A smooth picture, different for every seed."""
    random = np.random.default_rng(seed)
    tiles = random.integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(tiles).resize(size[::-1], Image.BICUBIC)


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory):
    """Root of 70 training and 10 validation images, as PNG."""
    root = tmp_path_factory.mktemp("plain")
    for split, count in (("train", 70), ("val", 10)):
        for i in range(count):
            folder = root / split / CLASSES[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            picture(i + 1000 * (split == "val")).save(folder / f"{i:03d}.png")
    return root


@pytest.fixture
def small_shards(monkeypatch):
    """Shards of 32 records."""
    for name, record_format in FORMATS.items():
        small = dataclasses.replace(record_format, shard_size=32)
        monkeypatch.setitem(FORMATS, name, small)


@pytest.fixture(params=["jpeg", "raw"])
def record_format(request):
    return request.param


@pytest.fixture
def prepared(plain_folder, small_shards, record_format, tmp_path):
    """Folder of the prepared set of `plain_folder`."""
    folder = tmp_path / "prepared"
    prepare(load_folder(plain_folder), folder, record_format)
    return folder


@pytest.fixture(scope="session")
def as_file():
    """Function: a Pillow image and a format -> bytes of the file."""

    def encode(image, file_format, **options):
        file = io.BytesIO()
        image.save(file, file_format, **options)
        return file.getvalue()

    return encode
