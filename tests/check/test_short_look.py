"""What is told of images before they are trained on, and what it costs."""

import pathlib
import shutil
import time

import pytest

from alexnet_tf.check import short_look as module
from alexnet_tf.check.short_look import short_look
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.data.sources.folder import load_folder


def make_folder(root, sizes):
    """Files with as many bytes as {"train/cat/0": size, ...} says, no two
    alike."""
    for number, (place, size) in enumerate(sizes.items()):
        path = root / f"{place}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number:08d}".encode() + bytes(size - 8))
    return root


@pytest.fixture
def folder(tmp_path):
    """Five, three and two files of different sizes."""
    names = [
        *(f"train/cat/{i}" for i in range(5)),
        *(f"train/dog/{i}" for i in range(3)),
        *("val/cat/0", "val/dog/0"),
    ]
    return make_folder(
        tmp_path / "images", {name: 100 + i for i, name in enumerate(names)}
    )


def copy(folder, source, target):
    shutil.copy(folder / f"{source}.jpg", folder / f"{target}.jpg")


def test_files_of_different_sizes_are_not_read(folder, monkeypatch):
    source = load_folder(folder)
    monkeypatch.setattr(pathlib.Path, "read_bytes", None)
    assert short_look(source) == (
        "a short look at the images: 3 (dog) to 5 training images in a class; "
        "no copies among the 0 files that were compared, all that have "
        "another's size"
    )


def test_leaks_labels_and_copies_are_told(folder):
    copy(folder, "train/cat/0", "val/cat/leak")
    copy(folder, "train/cat/1", "train/dog/wrong")
    copy(folder, "train/cat/2", "train/cat/again")
    # Of the same size, and no copy.
    (folder / "train/dog/other.jpg").write_bytes(b"x" * 100)
    told = short_look(load_folder(folder))
    assert (
        "validation images that are training images too: 1, such as "
        "train/cat/0.jpg = val/cat/leak.jpg; "
        "the same image under two classes: 2, such as "
        "train/cat/1.jpg = train/dog/wrong.jpg; "
        "copies within a class: 2, such as "
        "train/cat/2.jpg = train/cat/again.jpg "
        "among the 7 files that were compared, all that have another's size"
    ) in told


def test_of_many_files_few_are_read_and_that_is_said(folder, monkeypatch):
    for i in range(8):
        (folder / f"train/cat/same{i}.jpg").write_bytes(bytes([i]) * 500)
    copy(folder, "train/cat/0", "val/cat/leak")
    monkeypatch.setattr(module, "MOST_FILES", 5)
    told = short_look(load_folder(folder))
    assert "too: 1, such as train/cat/0.jpg = val/cat/leak.jpg" in told
    assert told.endswith(
        "among the 5 files that were compared, of 10 that have another's size"
    )


def test_large_sets_cost_seconds(tmp_path):
    """Of 3,000 files of 1 MB in a few sizes 256 MB are read at most: here
    they are one file with many names, so that the test takes no space."""
    for place in ("train/cat", "train/dog", "val/cat", "val/dog"):
        (tmp_path / place).mkdir(parents=True)
    for size in range(5):
        (tmp_path / f"{size}.bin").write_bytes(bytes(2**20 + size))
    for i in range(3000):
        place = ("train/cat", "train/dog", "val/cat", "val/dog")[i % 4]
        (tmp_path / place / f"{i}.jpg").symlink_to(tmp_path / f"{i % 5}.bin")
    source = load_folder(tmp_path)
    start = time.process_time()
    told = short_look(source)
    # Hashing all 3 GB takes six seconds or more.
    assert time.process_time() - start < 3
    assert "among the 256 files that were compared, of 3000" in told


def test_images_without_files_are_not_looked_at():
    assert short_look(load_embedded()) is None
