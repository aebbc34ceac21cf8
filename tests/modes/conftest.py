"""Images that a test may change."""

import pathlib
import shutil

import pytest

from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.training.trainer import Trainer
from configs import caffe
from modes import import_weights, train
from tests.weights import alexnet_files as files

ALL = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


@pytest.fixture(scope="session")
def caffe_file(tmp_path_factory):
    """A narrow .caffemodel with random weights, three classes. Read only."""
    file = tmp_path_factory.mktemp("caffe") / "random.caffemodel"
    weights = files.random_weights(files.WIDTH, classes=3)
    file.write_bytes(files.caffemodel(files.caffe_chain(), weights))
    return file


@pytest.fixture(scope="session")
def caffe_run(caffe_file, tmp_path_factory, image_folder):
    """Folder of the run that it is imported into. Read only."""
    run = tmp_path_factory.mktemp("imported") / "caffe"
    config = caffe.get_config()
    config.model.width = files.WIDTH
    config.data.name = "folder"
    options = Options(
        config=config,
        config_given=True,
        run=str(run),
        weights=str(caffe_file),
        data_dir=str(image_folder),
    )
    assert import_weights.main(options) == 0
    return run


def stop_before_the_first_step(monkeypatch):
    """Trainings then stop, as by Ctrl-C, once they have saved the start."""

    def fit(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", fit)


@pytest.fixture(scope="session")
def fine_tuned(caffe_run, image_folder, tmp_path_factory):
    """A `Run` fine-tuned from Caffe's, whose source went away. Read only.

    begun/ beside it is the folder as it was before the first step.
    """
    folder = tmp_path_factory.mktemp("fine-tuned")
    source = pathlib.Path(shutil.copytree(caffe_run, folder / "caffe"))
    run = Run(folder / "run")
    options = Options(
        config=None,
        run=str(run.path),
        init=str(source),
        data_dir=str(image_folder),
        # Random weights have large logits.
        overrides={
            "train.epochs": 2,
            "train.save_every_steps": 2,
            "train.batch_size": 12,
            "train.lr": 1e-6,
            "train.lr_drop_epochs": (1,),
            "train.lr_multipliers": (("fc8", 10.0), ("fc8.bias", 20.0)),
            "train.frozen": ALL[:5],
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        stop_before_the_first_step(patch)
        options.config = Run(caffe_run).read_config()
        assert train.main(options) == 130
    shutil.copytree(run.path, folder / "begun")
    shutil.rmtree(source)
    assert train.main(Options(config=None, run=str(run.path))) == 0
    return run


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
