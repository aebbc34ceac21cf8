"""Every image is held out once, and the mean over the folds has an interval."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from scipy import stats

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.outcome import outcome_of_training
from alexnet_tf.options import check_usage
from alexnet_tf.run.folder import Run
from alexnet_tf.training.state_folders import StateFolders
from alexnet_tf.training.trainer import Trainer
from configs import caffe
from modes import cross_validate, series
from tests.weights import alexnet_files as files

QUICK = {
    "data.holdout_folds": 2,
    "model.crop": 64,
    "train.epochs": 1,
    "train.batch_size": 16,
}


@pytest.fixture
def quick(options_for, image_folder, tmp_path):
    """`Options` of two folds of class folders."""
    options = options_for(tmp_path / "folds", **QUICK)
    options.data_dir = str(image_folder / "train")
    return options


@pytest.mark.slow
def test_a_fold_that_diverges_does_not_end_the_others(
    quick, tmp_path, monkeypatch, capsys
):
    train, runs = series.train, []

    def first_diverges(options, begin):
        runs.append(options.run)
        first = len(runs) == 1
        return series.DIVERGED if first else train(options, begin)

    monkeypatch.setattr(series, "train", first_diverges)
    assert cross_validate.main(quick) == 0
    assert len(runs) == 2
    assert "| mean of 1 | 36 |" in (tmp_path / "folds/folds.md").read_text()
    assert "fold 0 of 2: left out" in capsys.readouterr().out


def test_without_a_fold_that_was_trained_there_is_no_mean(quick, monkeypatch):
    runs = []

    def diverges(options, begin):
        runs.append(options.run)
        return series.DIVERGED

    monkeypatch.setattr(series, "train", diverges)
    with pytest.raises(UserError, match="not one fold"):
        cross_validate.main(quick)
    assert len(runs) == 2


def test_two_folds(quick, tmp_path, monkeypatch, capsys):
    train = series.train
    asked = []

    def stopped_once(options, begin):
        asked.append(options.run)
        return 130 if len(asked) == 2 else train(options, begin)

    monkeypatch.setattr(series, "train", stopped_once)
    assert cross_validate.main(quick) == 130
    again = f"1 training of 2 left: repeat this command with --run={quick.run}"
    assert again in capsys.readouterr().out
    assert "| mean of 1 | 36 |" in (tmp_path / "folds/folds.md").read_text()
    assert cross_validate.main(quick) == 0
    assert [path[-1] for path in asked] == ["0", "1", "1"]
    folds = [Run(tmp_path / f"folds/fold-{fold}") for fold in range(2)]
    held_out = [
        name
        for run in folds
        for name, *_ in json.loads(run.images_file.read_text())["held_out"]
    ]
    assert len(held_out) == len(set(held_out)) == 72

    outcomes = [outcome_of_training(run) for run in folds]
    with open(tmp_path / "folds/folds.csv") as file:
        header, *rows, mean = csv.reader(file)
    assert header == [
        *("fold", "images", "top-1 error", "balanced accuracy", "macro F1"),
    ]
    assert [row[:2] for row in rows] == [["0", "36"], ["1", "36"]]
    assert mean[:2] == ["mean of 2", "72"]
    names = ("top1_error", "balanced_accuracy", "macro_f1")
    for cell, name in zip(mean[2:], names, strict=True):
        values = np.array([100 * getattr(o, name) for o in outcomes])
        half = stats.sem(values) * stats.t.ppf(0.975, 1)
        assert cell == f"{values.mean():.1f} ± {half:.1f}"
    said = capsys.readouterr().out
    assert said.endswith((tmp_path / "folds/folds.md").read_text())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.holdout_folds": 0}, "--config.data.holdout_folds=5"),
        ({"data.holdout_folds": 1}, "0, or at least 2"),
        ({"data.holdout_folds": 73}, "1 would be empty"),  # of 72 images
        ({"init.source": "runs/other"}, "runs/other"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(quick, tmp_path, changes, words):
    quick.config.update_from_flattened_dict(changes)
    with pytest.raises(UserError, match=words):
        cross_validate.main(quick)
    assert not (tmp_path / "folds").exists()


def test_images_that_cannot_be_used_leave_nothing(
    quick, tmp_path, image_folder
):
    quick.data_dir = str(image_folder)  # has validation images
    with pytest.raises(UserError, match="validation split"):
        cross_validate.main(quick)
    assert not (tmp_path / "folds").exists()


@pytest.mark.slow
def test_every_fold_begins_with_the_same_network(
    quick, finished_run, tmp_path, monkeypatch, capsys
):
    """With its recipe where no other was given; and only with that."""
    asked = []

    def train(options, begin):
        run = Run(options.run)
        begun, start = begin(options, run)
        asked.append((run.path.name, begun.config, start))
        shutil.copytree(finished_run, run.path)
        config = begun.config.copy_and_resolve_references()
        config.init.source = str(start.path)
        config.init.sha256 = start.sha256
        run.write_config(config)
        return 0

    monkeypatch.setattr(series, "train", train)
    monkeypatch.setattr(series, "changes_of", lambda run, config: [])
    quick.init, quick.config_given = str(finished_run), False
    quick.overrides = {"data.holdout_folds": 2, "train.lr": 0.001}
    assert cross_validate.main(quick) == 0
    assert [name for name, *_ in asked] == ["fold-0", "fold-1"]
    for fold, (_, config, start) in enumerate(asked):
        assert config.data.fold == fold
        assert config.train.lr == 0.001
        assert config.model.width == 1 / 16  # the trained network's
        assert config.train.epochs == 3
        assert start.path == finished_run
        assert config.init.sha256 == start.sha256  # asked of every fold
    assert capsys.readouterr().out.count("recipe: that of") == 1
    assert cross_validate.main(quick) == 0  # nothing is left to do
    assert len(asked) == 2
    with pytest.raises(UserError, match="not random weights: name"):
        cross_validate.main(dataclasses.replace(quick, init=None))
    # It is the folds that are others, and not what they begin with.
    monkeypatch.undo()
    first = quick.overrides
    quick.overrides = {**first, "data.holdout_folds": 3}
    with pytest.raises(UserError, match="holdout_folds is 2 there, 3"):
        cross_validate.main(quick)
    quick.overrides = {**first, "init.statistics": "measured"}
    with pytest.raises(UserError, match="statistics is source there, measured"):
        cross_validate.main(quick)
    # Other weights under the same name.
    quick.overrides = first
    fold = Run(tmp_path / "folds" / "fold-1")
    config = fold.read_config()
    config.init.sha256 = "0" * 64
    fold.write_config(config)
    with pytest.raises(UserError, match=f"{fold.path} began with other weig"):
        cross_validate.main(quick)


@pytest.mark.parametrize("has_state", [True, False])
@pytest.mark.slow
def test_a_fold_that_began_with_a_pickle_goes_on(
    quick, tmp_path, monkeypatch, has_state
):
    """By the first command again, which trusts the file."""
    weights = files.random_weights(files.WIDTH, classes=3)
    pickle = tmp_path / "random.npy"
    np.save(pickle, np.array(files.npy_dict(weights), dtype=object))
    quick.config = caffe.get_config()
    quick.config.update_from_flattened_dict(
        {"data.name": "folder", "model.width": files.WIDTH}
        | {"model.num_classes": 0, "data.holdout_folds": 2}
    )
    quick.config_given, quick.trust_pickle = True, True
    quick.init = str(pickle)

    def stop(*given, **values):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", stop)
    assert cross_validate.main(quick) == 130
    fold = Run(tmp_path / "folds" / "fold-0")
    assert StateFolders(fold.state_folder).names()
    if not has_state:
        shutil.rmtree(fold.state_folder)
    assert cross_validate.main(quick) == 130


def test_the_fold_is_not_chosen(quick):
    quick.overrides = {"data.fold": 1}
    with pytest.raises(UserError, match=r"without data\.fold"):
        check_usage("cross_validate", quick, {"data_dir"})
