"""A small data set and runs on it."""

import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.modes import train
from alexnet_tf.options import Options

CLASSES = ("blue", "green", "red")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """train/ and val/ with 24 and 6 noisy images of each of three colours."""
    root = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 6)):
        for label, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 100, (64, 80, 3), np.uint8)
                pixels[..., 2 - label] += 120
                Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    return root


@pytest.fixture
def own_images(image_folder, tmp_path):
    """A copy of the images that a test may change."""
    return pathlib.Path(shutil.copytree(image_folder, tmp_path / "images"))


@pytest.fixture
def other_classes(own_images):
    """The images with one class under another name."""
    for split in ("train", "val"):
        folder = own_images / split
        (folder / "red").rename(folder / "scarlet")
    return own_images


@pytest.fixture(scope="session")
def options_for(image_folder):
    """Function that returns `Options` of a quick run on the folder."""

    def make(run, **changes):
        from configs import paper

        config = paper.get_config()
        config.update_from_flattened_dict(
            {
                "data.name": "folder",
                "model.num_classes": 0,
                "model.width": 1 / 16,
                "train.epochs": 3,
                "train.batch_size": 12,
                "train.lr": 0.005,
                **{f"model.weight_std.conv{n}": 0.05 for n in range(1, 6)},
                **{f"model.weight_std.fc{n}": 0.05 for n in range(6, 9)},
                **changes,
            }
        )
        return Options(config=config, run=str(run), data_dir=str(image_folder))

    return make


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, options_for):
    """Folder of a run trained to its end. Read only."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    assert train.main(options_for(run)) == 0
    return run
