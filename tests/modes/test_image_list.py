"""Training on a list of images, from its faults to an evaluation."""

import json
import pathlib

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.run.folder import Run
from modes import evaluate, train
from tests.training.run_contents import state_weights


@pytest.fixture
def listed(own_images):
    """A list of the images, which lies elsewhere than in their folder."""
    rows = [
        f"../{own_images.name}/{path.relative_to(own_images)};"
        f"{path.parent.name};{path.parent.parent.name}"
        for path in own_images.glob("*/*/*")
    ]
    file = own_images.parent / "lists" / "list.csv"
    file.parent.mkdir()
    file.write_text("\n".join(["Image;Label;Split", *rows]), "utf-8-sig")
    return file


@pytest.mark.slow
def test_a_list_trains_as_its_folders_do(
    listed, options_for, finished_run, tmp_path, capsys
):
    options = options_for(tmp_path / "run", **{"data.name": "csv"})
    options.data_dir = str(listed)
    options.config.train.epochs = 1
    assert train.main(options) == 0
    options.overrides = {"train.epochs": 3}
    assert train.main(options) == 0  # goes on
    run, other = Run(tmp_path / "run"), Run(finished_run)
    ours, theirs = state_weights(run.path), state_weights(other.path)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])
    found = json.loads(run.evaluation_file.read_text())
    expected = json.loads(other.evaluation_file.read_text())
    assert found["top1_error"] == expected["top1_error"]
    assert found["data_dir"] == str(listed)
    options.data_dir = None
    run.evaluation_file.unlink()
    assert evaluate.main(options) == 0  # finds the list by itself
    assert run.evaluation_file.is_file()
    listed.unlink()
    with pytest.raises(UserError, match="is not there any more"):
        evaluate.main(options)


def test_a_list_with_faults_leaves_nothing(listed, options_for, tmp_path):
    with open(listed, "a", encoding="utf-8") as file:
        file.write("\ngone.png;red;train")
    options = options_for(tmp_path / "run", **{"data.name": "csv"})
    options.data_dir = str(listed)
    with pytest.raises(UserError, match="missing files: 1"):
        train.main(options)
    assert not pathlib.Path(options.run).exists()
