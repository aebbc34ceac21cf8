"""Images chosen by a seed."""

import pathlib
import shutil

import numpy as np
import pytest

from alexnet_tf.analysis.sample_images import chosen_records, examples_of
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError


@pytest.fixture
def own_folder(image_folder, tmp_path):
    return pathlib.Path(shutil.copytree(image_folder, tmp_path / "images"))


def chosen(folder, count, seed):
    source = load_folder(folder)
    return examples_of(chosen_records(source, source.validation, count, seed))


def ids(examples):
    return [example["id"] for example in examples]


def test_the_choice_is_the_seeds(image_folder):
    first = chosen(image_folder, 5, 3)
    assert ids(first) == ids(chosen(image_folder, 5, 3))
    assert len(set(ids(first))) == 5
    assert ids(first) != ids(chosen(image_folder, 5, 4))
    assert first[0]["image"].shape == (256, 256, 3)
    assert first[0]["image"].dtype == np.uint8


def test_not_more_than_there_are(image_folder):
    assert ids(chosen(image_folder, 99, 0)) == list(range(18))


def test_no_image_at_all_is_one_clear_line(own_folder):
    for image in own_folder.glob("val/*/*.png"):
        image.write_bytes(b"no image")
    with pytest.raises(UserError, match="not one of the chosen images"):
        chosen(own_folder, 5, 0)
