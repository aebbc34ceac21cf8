"""A folder of images of many kinds, and a set prepared from it."""

import dataclasses
import functools
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.sources.folder import load_folder
from tests.slow import slow

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


def make_shards_small(patch):
    """Shards of 32 records, as long as the patch lasts."""
    for name, record_format in FORMATS.items():
        small = dataclasses.replace(record_format, shard_size=32)
        patch.setitem(FORMATS, name, small)


@pytest.fixture
def small_shards(monkeypatch):
    """Shards of 32 records."""
    make_shards_small(monkeypatch)


@pytest.fixture(params=["jpeg", slow("raw")])
def record_format(request):
    return request.param


@pytest.fixture(scope="session")
def prepared_once(plain_folder, tmp_path_factory):
    """Function: a format -> the prepared set of `plain_folder`. Read only."""

    @functools.cache
    def make(record_format):
        folder = tmp_path_factory.mktemp("prepared") / record_format
        with pytest.MonkeyPatch.context() as patch:
            make_shards_small(patch)
            prepare(load_folder(plain_folder), folder, record_format)
        return folder

    return make


@pytest.fixture
def prepared(prepared_once, small_shards, record_format, tmp_path):
    """Folder of the prepared set of `plain_folder`, a copy."""
    return shutil.copytree(prepared_once(record_format), tmp_path / "prepared")


@pytest.fixture(scope="session")
def as_file():
    """Function: a Pillow image and a format -> bytes of the file."""

    def encode(image, file_format, **options):
        file = io.BytesIO()
        image.save(file, file_format, **options)
        return file.getvalue()

    return encode
