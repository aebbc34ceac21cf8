"""What all tests share."""

import contextlib
import fcntl
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alexnet_tf.options import Options
from tests.browser import DESKTOP, start_browser

CLASSES = ("blue", "green", "red")

# The tests are about CPU devices, on any machine.
tf.config.set_visible_devices([], "GPU")
# Three CPUs, so that the default device (CPU:0) can be told from the first
# tower's. Must happen before TensorFlow uses any device.
[_cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    _cpu, [tf.config.LogicalDeviceConfiguration()] * 3
)


@pytest.fixture
def small_model():
    """The paper's `model` section at 1/16 of its width, ten classes."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    return model


@contextlib.contextmanager
def made_once(tmp_path_factory, name):
    """A folder for all processes of pytest-xdist: (path, whether it is new).

    Whoever comes first makes what is in it, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = base / f"shared-{name}"
        try:
            yield folder, not folder.exists()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """train/ and val/ with 24 and 6 noisy images of each of three colours.
    Read only."""
    with made_once(tmp_path_factory, "images") as (root, is_new):
        if is_new:
            make_images(root)
    return root


def make_images(root):
    random = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 6)):
        for label, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 100, (64, 80, 3), np.uint8)
                pixels[..., 2 - label] += 120
                Image.fromarray(pixels).save(folder / f"{i:02d}.png")


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
    from modes import train

    with made_once(tmp_path_factory, "finished_run") as (run, is_new):
        if is_new:
            assert train.main(options_for(run)) == 0
    return run


@pytest.fixture(scope="session")
def exported(tmp_path_factory, finished_run):
    """Base folder of an export of the finished run, version 1. Read only."""
    from modes import export

    with made_once(tmp_path_factory, "exports") as (folder, is_new):
        base = folder / "alexnet"
        options = Options(
            config=None, run=str(finished_run), export_dir=str(base)
        )
        if is_new:
            assert export.main(options) == 0
    return base


@pytest.fixture(scope="session")
def browser():
    """A browser without a window, or why there is none."""
    try:
        driver = start_browser(*DESKTOP)
    except (ImportError, FileNotFoundError) as error:
        pytest.skip(f"the page is not tested: {error}")
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def imagenet_tars(tmp_path_factory):
    """Folder with ImageNet's two tars, a few images each. Read only."""
    from tests.data import imagenet_layout

    folder = tmp_path_factory.mktemp("tars")
    imagenet_layout.build(folder)
    return folder


@pytest.fixture(scope="session")
def imagenet_tfds(imagenet_tars, tmp_path_factory):
    """What TFDS's own builder makes of them, offline. Read only."""
    from tests.data import imagenet_layout

    return imagenet_layout.prepare_with_tfds(
        imagenet_tars, tmp_path_factory.mktemp("tfds")
    )
