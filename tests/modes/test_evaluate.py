"""Evaluation of finished runs."""

import csv
import json
import shutil

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation import outcome
from alexnet_tf.options import Options
from modes import evaluate


@pytest.mark.parametrize("crops", [1, 10])
def test_json_is_the_last_line(finished_run, crops, capsys, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    results = tmp_path / "results"
    options = Options(
        config=None,
        run=str(run),
        crops=crops,
        json=True,
        results_dir=str(results),
    )
    assert evaluate.main(options) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result == {
        "run": str(run),
        "dataset": "folder",
        "split": "validation",
        "crops": crops,
        "samples": 18,
        "top1_error": result["top1_error"],
        "top1_interval": result["top1_interval"],
        "top5_error": 0.0,
        # Wilson's of no error: z^2 / (n + z^2), z that of 95 %
        "top5_interval": [0.0, pytest.approx(3.841459 / (18 + 3.841459))],
        "classes": 3,
    }
    low, high = result["top1_interval"]
    assert 0 <= low <= result["top1_error"] <= high <= 1
    table = (run / "results.md").read_text().splitlines()
    assert (results / "results.md").read_text().splitlines() == table
    assert table[2].startswith(f"| {run} | folder validation, 18 |")
    with open(run / "confusion.csv") as file:
        counts = [
            [int(x) for x in row[1:]] for row in list(csv.reader(file))[1:]
        ]
    assert sum(map(sum, counts)) == 18
    right = sum(counts[i][i] for i in range(3))
    assert result["top1_error"] == pytest.approx(1 - right / 18)


def test_a_broken_image_is_named_and_the_count_questioned(
    finished_run, own_images, tmp_path, capsys
):
    broken = own_images / "val" / "red" / "03.png"
    broken.write_bytes(broken.read_bytes()[:100])
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    options = Options(
        config=None, run=str(run), data_dir=str(own_images), json=True
    )
    assert evaluate.main(options) == 0
    output = capsys.readouterr()
    assert json.loads(output.out.splitlines()[-1])["samples"] == 17
    assert "warning: 17 of 18 images were evaluated" in output.err
    assert str(broken) in output.err


def test_a_missing_run_is_one_clear_line(tmp_path):
    options = Options(config=None, run=str(tmp_path / "none"))
    with pytest.raises(UserError, match="there is no run in"):
        evaluate.main(options)


def test_no_run_at_all_says_how_to_train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--mode=train"):
        evaluate.main(Options(config=None))


def test_other_classes_are_refused(finished_run, other_classes):
    options = Options(
        config=None, run=str(finished_run), data_dir=str(other_classes)
    )
    with pytest.raises(UserError, match="trained on the 3 classes"):
        evaluate.main(options)


def test_no_image_that_can_be_decoded_is_an_error(finished_run, own_images):
    for image in own_images.glob("val/*/*.png"):
        image.write_bytes(b"no image")
    options = Options(
        config=None, run=str(finished_run), data_dir=str(own_images)
    )
    with pytest.raises(UserError, match="not one image"):
        evaluate.main(options)


def test_a_run_folder_that_cannot_be_written_loses_no_result(
    finished_run, monkeypatch, capsys
):
    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(outcome, "write_text", refuse)
    options = Options(config=None, run=str(finished_run))
    with pytest.raises(UserError, match="Read-only file system"):
        evaluate.main(options)
    assert "top-1 error 0.0000" in capsys.readouterr().out
