"""Runs that meet a recipe or classes that are not theirs."""

import json
import shutil

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from alexnet_tf.run.folder import RUNS
from configs import paper
from modes import evaluate, inspect, report, train


@pytest.fixture
def with_a_fourth_class(own_images):
    for split in ("train", "val"):
        shutil.copytree(own_images / split / "red", own_images / split / "pink")
    return own_images


def test_a_class_that_was_added_asks_for_nothing_that_is_refused_then(
    finished_run, with_a_fourth_class
):
    """Another num_classes would be, so none is asked for."""
    options = Options(
        config=None, run=str(finished_run), data_dir=str(with_a_fourth_class)
    )
    with pytest.raises(UserError) as error:
        train.main(options)
    message = str(error.value)
    assert "num_classes" not in message
    assert "the 4 classes blue, green, pink, red, with pink: " in message
    assert "train a new run" in message


@pytest.mark.parametrize("mode", [train, evaluate])
def test_a_run_of_another_recipe_is_told_before_its_images_are_asked_for(
    finished_run, mode
):
    """The paper's are ImageNet's, which nobody has at hand."""
    options = Options(
        config=paper.get_config(), config_given=True, run=str(finished_run)
    )
    with pytest.raises(UserError, match=r"has another recipe: .* 3 .* 1000;"):
        mode.main(options)


def test_a_report_on_other_images_says_what_it_leaves_out(
    finished_run, tmp_path, capsys
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    options = Options(
        config=paper.get_config(), config_given=True, run=str(run)
    )
    assert report.main(options) == 0
    assert "has another recipe" in capsys.readouterr().err


def test_inspect_of_a_run_takes_no_recipe_besides(finished_run):
    options = Options(
        config=paper.get_config(), config_given=True, run=str(finished_run)
    )
    with pytest.raises(UserError, match="has a recipe of its own"):
        inspect.main(options)


def test_inspect_takes_the_newest_run(
    finished_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    RUNS.mkdir()
    shutil.copytree(finished_run, RUNS / "newest")
    assert inspect.main(Options(config=paper.get_config(), json=True)) == 0
    output = capsys.readouterr()
    assert output.err == f"run {RUNS}/newest\n"
    newest = json.loads(output.out.splitlines()[-1])
    assert (
        inspect.main(Options(config=None, run=str(finished_run), json=True))
        == 0
    )
    named = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert newest == named
    # 1/16 of the width: fc8 of 3 classes reads 256 numbers.
    assert newest["parameters"] < 500_000


def test_inspect_without_runs_takes_the_recipe(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert inspect.main(Options(config=paper.get_config())) == 0
    assert "60,965,224 parameters" in capsys.readouterr().out
