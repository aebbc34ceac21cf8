"""Evaluation of finished runs."""

import csv
import dataclasses
import datetime
import hashlib
import io
import json
import shutil

import pytest
from PIL import Image

from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation import outcome
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from modes import evaluate, train
from tests.slow import slow


@pytest.mark.parametrize("crops", [slow(1), 10])
def test_json_is_the_last_line(
    finished_run, image_folder, crops, capsys, tmp_path
):
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
        # Each class has as many images.
        "balanced_accuracy": pytest.approx(1 - result["top1_error"]),
        "macro_f1": result["macro_f1"],
        "calibration_error": result["calibration_error"],
        "temperature": result["temperature"],
        "tempered_error": result["tempered_error"],
        "per_class": result["per_class"],
        "reliability": result["reliability"],
        "coverage": result["coverage"],
        "mistakes": result["mistakes"],
        "label_errors": result["label_errors"],
        "probable_label_errors": len(result["label_errors"]),
        "classes": 3,
        "data_dir": str(image_folder),
        "fingerprint": load_folder(image_folder).fingerprint,
        "time": result["time"],
        "weights_sha256": hashlib.sha256(
            Run(run).best_weights.read_bytes()
        ).hexdigest(),
    }
    now = datetime.datetime.now().astimezone()
    age = now - datetime.datetime.fromisoformat(result["time"])
    assert 0 <= age.total_seconds() < 60
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
    assert json.loads((run / "evaluation.json").read_text()) == result
    for key in ("reliability", "coverage", "mistakes", "label_errors"):
        with open(run / f"{key}.csv") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(result[key]), key
        for row, values in zip(rows, result[key], strict=True):
            assert list(row) == list(values)
            for name, value in values.items():
                if not isinstance(value, str):
                    value = pytest.approx(value, abs=1e-6)
                    row[name] = float(row[name])
                assert row[name] == value


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


@pytest.fixture(scope="module")
def without_val(image_folder, options_for, tmp_path_factory):
    """(folder of images without val/, a run that was trained on them)."""
    path = tmp_path_factory.mktemp("held_out")
    shutil.copytree(image_folder / "train", path / "images" / "train")
    options = options_for(
        path / "run", **{"train.epochs": 1, "model.width": 1 / 32}
    )
    options.data_dir = str(path / "images")
    assert train.main(options) == 0
    return path / "images", path / "run"


def evaluated(run, images, capsys, **overrides):
    """(what was printed, ids of the images that were evaluated)."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        original = outcome.evaluate

        def watch(network, records, *rest):
            ids, _ = records.split.ids_and_labels()
            seen.extend(records.split.key(int(number)) for number in ids)
            return original(network, records, *rest)

        patch.setattr(outcome, "evaluate", watch)
        options = Options(
            config=None, run=str(run), data_dir=str(images), crops=1
        )
        options.overrides = overrides
        assert evaluate.main(options) == 0
    return capsys.readouterr().out, seen


def test_the_images_that_were_held_out_are_evaluated(
    without_val, tmp_path, capsys
):
    images, trained = without_val
    run = shutil.copytree(trained, tmp_path / "run")
    marks = json.loads((run / "images.json").read_text())["held_out"]
    held_out = {name for name, _, _ in marks}
    copy = shutil.copytree(images, tmp_path / "copy")
    _, seen = evaluated(run, copy, capsys)
    assert set(seen) == held_out
    assert json.loads((run / "evaluation.json").read_text())["crops"] == 1
    said, seen = evaluated(
        run, copy, capsys, **{"data.holdout": 0.5, "train.seed": 3}
    )
    assert set(seen) == held_out
    for told in ("data.holdout=0.5", "train.seed=3"):
        assert f"config.{told} does not change which images" in said
    own = (run / "evaluation.json").read_bytes()
    # One image less, of those trained on: said, and no result is lost.
    trained_on = next(
        path
        for path in sorted(copy.glob("train/*/*"))
        if path.relative_to(copy).as_posix() not in held_out
    )
    trained_on.unlink()
    said, seen = evaluated(run, copy, capsys)
    assert set(seen) == held_out
    assert "have changed since" in said
    assert (run / "evaluation.json").read_bytes() == own
    [other] = run.glob("evaluations/copy-*/evaluation.json")
    result = json.loads(other.read_text())
    assert result["data_dir"] == str(copy)
    assert result["fingerprint"] != json.loads(own)["fingerprint"]


@pytest.mark.parametrize("together", [False, slow(True)])
@pytest.mark.slow
def test_images_that_were_trained_on_are_counted(
    finished_run, image_folder, tmp_path, capsys, together
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    files = [*image_folder.glob("val/*/*"), *image_folder.glob("train/*/0*")]
    rows = [f"{number}.png,{f.parent.name}" for number, f in enumerate(files)]
    for number, file in enumerate(files):
        shutil.copy(file, tmp_path / f"{number}.png")
    table = tmp_path / "plain.csv"
    table.write_text("\n".join(["image,label", *rows]))
    options = Options(
        config=None,
        run=None if together else str(run),
        runs=(str(run), str(run)) if together else (),
        data_dir=str(table),
        overrides={"data.name": "csv"},
    )
    assert evaluate.main(options) == 0
    said = capsys.readouterr().err
    assert f"{run} was trained on 30 of these 48 images" in said
    # A run of more images remembers some of them.
    lines = json.loads((run / "dataset.json").read_text())
    lines["train_images"] = 257
    (run / "dataset.json").write_text(json.dumps(lines))
    assert evaluate.main(options) == 0
    assert "was trained on at least" in capsys.readouterr().err


def test_images_to_be_evaluated_need_no_training_images(
    finished_run, image_folder, tmp_path, capsys
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    shutil.copytree(image_folder / "val" / "red", tmp_path / "test" / "red")
    own = (run / "evaluation.json").read_bytes()
    said, seen = evaluated(run, tmp_path / "test", capsys)
    assert len(seen) == 6
    assert "blue        0  no images" in said
    assert (run / "evaluation.json").read_bytes() == own


@pytest.mark.slow
def test_equal_sizes_and_other_contents_are_other_images(
    finished_run, own_images, tmp_path, capsys
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    said, _ = evaluated(run, own_images, capsys)  # a copy
    assert "have changed since" not in said
    png = io.BytesIO()
    Image.new("RGB", (80, 64)).save(png, "PNG")
    for image in own_images.glob("val/*/*"):
        size = image.stat().st_size
        image.write_bytes(png.getvalue().ljust(size, b"\0"))
        assert image.stat().st_size == size
    said, _ = evaluated(run, own_images, capsys)
    assert "have changed since" in said
    # Nor is the run continued with them.
    options = Options(config=None, run=str(run), data_dir=str(own_images))
    with pytest.raises(UserError, match="other contents than when"):
        train.main(options)


def test_a_moved_folder_is_asked_for(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    dataset = json.loads((run / "dataset.json").read_text())
    dataset["data_dir"] = str(tmp_path / "moved away")
    (run / "dataset.json").write_text(json.dumps(dataset))
    with pytest.raises(UserError, match="--data_dir where they are now"):
        evaluate.main(Options(config=None, run=str(run)))


@pytest.mark.parametrize(("error", "doubted"), [(0.3, False), (0.7, True)])
def test_suspicions_of_a_network_that_knows_little_are_doubted(
    finished_run, capsys, error, doubted
):
    found = outcome.outcome_of_training(Run(finished_run))
    changes = {"top1_error": error, "probable_label_errors": 7}
    outcome._print_outcome(dataclasses.replace(found, **changes), "")
    [line] = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("probable label errors: 7 of 18 images")
    ]
    assert ("learned too little" in line) == doubted
