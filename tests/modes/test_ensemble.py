"""Runs and exports that answer together."""

import csv
import json
import pathlib
import shutil

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ensemble import open_members
from alexnet_tf.evaluation.evaluate import Evaluation
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from modes import evaluate, predict

CLASSES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def confused_run(finished_run, tmp_path_factory):
    """A copy of the run whose classifier leans to the last class."""
    run = tmp_path_factory.mktemp("runs") / "confused"
    shutil.copytree(finished_run, run)
    network = load_trained(Run(run)).network
    [bias] = network.get_layer("fc8").biases
    bias.assign_add([0, 0, 8.0])
    network.save_weights(run / "best" / "network.weights.h5")
    for checksums in run.glob("best/*.json"):
        checksums.unlink()
    return run


def ensemble(*paths, **changes):
    return Options(config=None, runs=tuple(map(str, paths)), **changes)


@pytest.mark.slow
def test_rows_of_all_and_of_their_average(
    finished_run, confused_run, exported, image_folder, tmp_path, capsys
):
    paths = (finished_run, confused_run, exported)
    options = ensemble(*paths, json=True, results_dir=str(tmp_path / "r"))
    assert evaluate.main(options) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["run"] for row in rows] == [
        str(finished_run),
        str(confused_run),
        str(exported / "1"),
        "average of 3 networks",
    ]
    assert [row["samples"] for row in rows] == [18] * 4
    assert rows[0]["top1_error"] == rows[2]["top1_error"] == 0
    assert rows[1]["top1_error"] > 0
    # The same, image by image: what the average of the three is.
    files = sorted(image_folder.glob("val/*/*.png"))
    singles = [
        predictions(Options(config=None, run=str(run)), files, capsys)
        for run in (finished_run, confused_run)
    ]
    mean = (2 * singles[0] + singles[1]) / 3
    labels = np.repeat([0, 1, 2], 6)
    assert rows[3]["top1_error"] == pytest.approx(
        np.mean(mean.argmax(axis=1) != labels)
    )
    together = predictions(ensemble(*paths), files, capsys)
    np.testing.assert_allclose(together, mean, rtol=0, atol=1e-6)
    with open(tmp_path / "r" / "results.csv") as file:
        written = list(csv.reader(file))
    assert [row[0] for row in written[1:5]] == [row["run"] for row in rows]
    # These classes are not ImageNet's.
    assert "| 1 CNN |" not in (tmp_path / "r" / "results.md").read_text()


def rows_of(options, capsys):
    """The outcomes, without the times at which they were measured."""
    assert evaluate.main(options) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    return [{k: v for k, v in row.items() if k != "time"} for row in rows]


@pytest.mark.slow
def test_a_weighted_average(finished_run, confused_run, capsys):
    paths = (finished_run, confused_run)
    alone = rows_of(ensemble(*paths, json=True), capsys)
    rows = rows_of(
        ensemble(*paths, json=True, coefficients=("0", "2.5")), capsys
    )
    assert rows[:3] == alone
    assert rows[3]["run"] == "weighted 0 2.5"
    assert rows[3]["top1_error"] == rows[1]["top1_error"] > 0


def test_a_search_shows_both_halves():
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 40)
    # The second network knows the labels, the first nothing.
    one, other = random.random((40, 10)), np.eye(10)[labels]
    evaluations = [
        Evaluation(np.arange(40), labels, p / p.sum(axis=1, keepdims=True))
        for p in (one, other)
    ]
    searched, unseen, equal = evaluate.weighted_averages(
        ("search",), evaluations
    )
    assert searched[0].endswith(", the half searched on")
    assert unseen[0].endswith(", the other half")
    assert equal[0] == "average, the other half"
    ids = [
        sorted(evaluation.ids) for _, evaluation in (searched, unseen, equal)
    ]
    assert sorted(ids[0] + ids[1]) == list(range(40))
    assert ids[1] == ids[2]
    assert len(ids[0]) == 20
    [(name, on_all)] = evaluate.weighted_averages(("search_all",), evaluations)
    assert name.endswith("searched on these images")
    assert len(on_all.ids) == 40


@pytest.mark.parametrize("search", ["search", "search_all"])
def test_no_search_where_five_guesses_never_miss(
    finished_run, search, monkeypatch
):
    monkeypatch.delattr(evaluate, "predict_all")  # nothing is evaluated
    options = ensemble(finished_run, finished_run, coefficients=(search,))
    with pytest.raises(UserError, match=f"={search} goes by the top-5 error"):
        evaluate.main(options)


@pytest.mark.parametrize(
    ("coefficients", "says"),
    [
        (("0.4",), "1 numbers for 2 networks"),
        (("0.4", "much"), "a number for each network, search"),
        (("0", "0"), "one of them above 0"),
        (("-1", "2"), "at least 0"),
        (("nan", "2"), "at least 0"),
    ],
)
def test_senseless_coefficients_are_one_line(finished_run, coefficients, says):
    options = ensemble(finished_run, finished_run, coefficients=coefficients)
    with pytest.raises(UserError, match=says):
        evaluate.main(options)


def test_one_network_has_no_coefficients(finished_run):
    with pytest.raises(UserError, match="two networks or more"):
        evaluate.main(ensemble(finished_run, coefficients=("1",)))


def predictions(options, files, capsys):
    """[N, 3] probabilities by --mode=predict, in class order."""
    options.images, options.json = tuple(map(str, files)), True
    assert predict.main(options) == 0
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    return np.array(
        [
            [r["probabilities"][r["classes"].index(name)] for name in CLASSES]
            for r in results
        ]
    )


@pytest.mark.slow
def test_an_export_answers_as_its_run(finished_run, exported):
    images = np.random.default_rng(0).integers(0, 256, (5, 256, 256, 3))
    images = images.astype(np.uint8)
    run, export, version = (
        opener().probabilities(images)
        for opener in open_members([finished_run, exported, exported / "1"], 10)
    )
    np.testing.assert_allclose(export, run, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(export, version)


def test_a_run_with_an_export_in_it_answers_itself(
    confused_run, exported, tmp_path
):
    """As earlier versions let it be."""
    run = shutil.copytree(confused_run, tmp_path / "run")
    shutil.copytree(exported / "1", run / "1")
    [opener] = open_members([run], 10)
    member = opener()
    assert member.name == str(run)
    # The copy leans to the last class, and the export does not.
    black = np.zeros((1, 256, 256, 3), np.uint8)
    assert member.probabilities(black)[0, 2] > 0.9


def test_an_export_knows_ten_crops_only(exported):
    with pytest.raises(UserError, match="always takes ten crops"):
        evaluate.main(ensemble(exported, crops=1))


def test_exports_alone_need_to_be_told_the_data(
    exported, options_for, tmp_path, capsys
):
    options = options_for(tmp_path / "unused")
    options.runs, options.run = (str(exported),), None
    assert evaluate.main(options) == 0
    assert (
        "| folder validation, 18 | ten crops | 0.0 |" in capsys.readouterr().out
    )


def test_other_classes_are_refused(finished_run, other_classes):
    options = ensemble(finished_run, data_dir=str(other_classes))
    with pytest.raises(UserError, match="other classes than the 3"):
        evaluate.main(options)


def test_networks_of_other_classes_are_refused(finished_run, tmp_path):
    run = pathlib.Path(shutil.copytree(finished_run, tmp_path / "run"))
    dataset = json.loads((run / "dataset.json").read_text())
    dataset["class_names"] = ["red", "green", "blue"]
    (run / "dataset.json").write_text(json.dumps(dataset))
    with pytest.raises(UserError, match="cannot be averaged"):
        predict.main(ensemble(finished_run, run, images=("any.png",)))


def test_what_is_neither_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="there is no run in"):
        evaluate.main(ensemble(tmp_path))


def test_a_folder_of_images_becomes_a_submission(
    finished_run, image_folder, tmp_path, capsys
):
    file = tmp_path / "submission.txt"
    options = Options(
        config=None,
        run=str(finished_run),
        images=(str(image_folder / "val"),),
        submission=str(file),
    )
    assert predict.main(options) == 0
    best = [line.split()[0] for line in file.read_text().splitlines()]
    assert best == ["1"] * 6 + ["2"] * 6 + ["3"] * 6
