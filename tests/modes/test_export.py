"""--mode=export: what lies in the folder afterwards."""

import json
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.files.checksums import seal
from alexnet_tf.options import Options
from alexnet_tf.run.about import about_run, about_version
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from export.signatures import Signatures
from modes import export


def options_for_export(run, base, **more):
    return Options(config=None, run=str(run), export_dir=str(base), **more)


def test_labels_are_the_class_names_in_order(exported):
    labels = exported / "1" / "assets" / "labels.txt"
    assert labels.read_text() == "blue\ngreen\nred\n"


def test_the_card_lies_in_the_version_and_beside_it(exported):
    card = (exported / "model_card.md").read_text()
    assert (exported / "1" / "model_card.md").read_text() == card


def test_the_card_says_what_was_measured(exported, finished_run):
    card = (exported / "model_card.md").read_text()
    evaluation = json.loads((finished_run / "evaluation.json").read_text())
    [top1] = re.findall(r"\| ([\d.]+)% \|", card)
    assert "top-5" not in card  # of three classes it says nothing
    assert float(top1) == pytest.approx(
        100 * evaluation["top1_error"], abs=0.005
    )
    assert "18 images of folder" in card
    assert "The images in the folder belong to whoever made them." in card
    assert "| `model.width` | 1.0 | 0.0625 |" in card
    assert "model.dropout" not in card  # as in the paper
    assert "Ten crops: conv1 is computed once for the whole image" in card


def test_a_version_says_which_run_answers(exported, finished_run, capsys):
    about = (
        f"run {finished_run}: trained on folder, 3 classes: blue, green, red"
    )
    assert (exported / "1" / "assets" / "about.txt").read_text() == f"{about}\n"
    assert about_version(exported / "1") == f"{exported / '1'}: {about}"


def test_the_first_line_of_an_export_is_about_its_run(
    finished_run, tmp_path, capsys
):
    options = options_for_export(
        finished_run, tmp_path / "m", format="safetensors"
    )
    assert export.main(options) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == about_run(Run(finished_run))


def test_imported_weights_are_not_called_trained(tmp_path):
    run = Run(tmp_path)
    dataset = {
        "name": "imagenet2012",
        "class_names": [f"class {i}" for i in range(1000)],
        "imported_from": {"file": "random.npy", "sha256": "0"},
    }
    run.dataset_file.write_text(json.dumps(dataset))
    assert about_run(run) == (
        f"run {tmp_path}: weights imported from random.npy, classes of "
        "imagenet2012, 1,000 classes: class 0, class 1, class 2, class 3, "
        "class 4, ..."
    )


@pytest.fixture
def without_graph(monkeypatch):
    """Exports whose graph is one small file: it takes most of their time."""

    def save(version, signatures):
        (version / "assets").mkdir(parents=True)
        (version / "saved_model.pb").write_bytes(b"graph")

    monkeypatch.setattr(export, "save", save)


def test_the_card_of_a_run_without_evaluation(
    tmp_path, finished_run, without_graph
):
    run = pathlib.Path(shutil.copytree(finished_run, tmp_path / "run"))
    (run / "evaluation.json").unlink()
    assert export.main(options_for_export(run, tmp_path / "model")) == 0
    assert "Not measured" in (tmp_path / "model" / "model_card.md").read_text()


@pytest.fixture
def trained_on(finished_run, tmp_path):
    """A run with other best weights than those that were evaluated."""
    run = pathlib.Path(shutil.copytree(finished_run, tmp_path / "run"))
    network = load_trained(Run(run)).network
    network.trainable_weights[-1].assign_add([0.0, 0.0, 1.0])
    network.save_weights(Run(run).best_weights)
    seal(Run(run).best_weights)
    return run


def test_an_evaluation_of_earlier_weights_says_nothing_about_these(
    trained_on, tmp_path, without_graph, capsys
):
    base = tmp_path / "model"
    assert export.main(options_for_export(trained_on, base)) == 0
    assert "Not measured" in (base / "model_card.md").read_text()
    [line] = capsys.readouterr().err.splitlines()
    assert f"evaluate --run={trained_on} writes it anew" in line
    options = options_for_export(trained_on, base, calibrate=True)
    with pytest.raises(UserError, match="has none of its weights"):
        export.main(options)


@pytest.fixture
def calibrating(finished_run, tmp_path, monkeypatch):
    """Function: changes of evaluation.json -> (signatures, card) of an export.

    Of an export with --calibrate whose graph is not written.
    """
    run = pathlib.Path(shutil.copytree(finished_run, tmp_path / "run"))
    seen = []

    def save(version, signatures):
        (version / "assets").mkdir(parents=True)
        seen.append(signatures)

    monkeypatch.setattr(export, "save", save)

    def calibrate(**changes):
        file = run / "evaluation.json"
        values = json.loads(file.read_text())
        file.write_text(json.dumps({**values, **changes}))
        base = tmp_path / "model"
        assert export.main(options_for_export(run, base, calibrate=True)) == 0
        return seen[-1], (base / "model_card.md").read_text()

    return calibrate


@pytest.mark.slow
def test_calibrated_scores_are_those_of_the_fitted_temperature(
    calibrating, finished_run, image_folder, capsys
):
    signatures, card = calibrating(
        temperature=1.7, calibration_error=0.2, tempered_error=0.05
    )
    assert "temperature T of\n1.7000:" in card
    assert "0.2000 to 0.0500" in card
    assert "temperature of 1.7000" in capsys.readouterr().out
    trained = load_trained(Run(finished_run))
    plain = Signatures(trained.network, trained.crop, trained.class_names)
    files = sorted(image_folder.glob("val/*/*.png"))[::4]
    images = tf.constant([file.read_bytes() for file in files])
    before = plain.probabilities(images)["probabilities"].numpy()
    powers = before.astype(np.float64) ** (1 / 1.7)
    wanted = powers / powers.sum(axis=1, keepdims=True)
    # The plain ones are rounded to float32: half a unit in 2^24 of each.
    answers = signatures.serving_default(images)
    np.testing.assert_allclose(
        answers["scores"], np.sort(wanted)[:, ::-1], rtol=2e-6
    )
    np.testing.assert_array_equal(
        answers["classes"], plain.serving_default(images)["classes"]
    )
    found = signatures.probabilities(images)["probabilities"]
    np.testing.assert_allclose(found, wanted, rtol=2e-6)
    assert np.abs(wanted - before).max() > 0.01


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"temperature": None}, "no temperature fits"),
        ({"crops": 1}, "has that of 1: python main.py --mode=evaluate"),
        ({"calibration_error": None}, "an earlier version"),
    ],
)
def test_a_temperature_that_is_not_there_is_refused(
    calibrating, changes, complaint, tmp_path
):
    with pytest.raises(UserError, match=complaint):
        calibrating(**changes)
    assert not (tmp_path / "model").exists()


def test_calibrating_needs_a_validation_result(finished_run, tmp_path):
    run = pathlib.Path(shutil.copytree(finished_run, tmp_path / "run"))
    (run / "evaluation.json").unlink()
    options = options_for_export(run, tmp_path / "model", calibrate=True)
    with pytest.raises(UserError, match="needs a validation result"):
        export.main(options)


def test_the_card_of_another_export_has_no_calibration(exported):
    assert "alibrat" not in (exported / "model_card.md").read_text()


def test_a_second_export_keeps_as_many_as_it_is_told(
    tmp_path, finished_run, exported, capsys, without_graph
):
    base = pathlib.Path(shutil.copytree(exported, tmp_path / "model"))
    options = options_for_export(finished_run, base, keep_versions=1)
    assert export.main(options) == 0
    assert f"to {base}/2" in capsys.readouterr().out
    assert sorted(p.name for p in base.iterdir()) == ["2", "model_card.md"]


def test_an_interrupted_export_leaves_nothing(
    tmp_path, finished_run, monkeypatch, without_graph
):
    def interrupt(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "write_warmup", interrupt)
    base = tmp_path / "exports" / "model"
    with pytest.raises(KeyboardInterrupt):
        export.main(options_for_export(finished_run, base))
    assert list(base.parent.rglob("*")) == [base]


@pytest.mark.parametrize("form", ["saved_model", "onnx", "keras"])
def test_a_run_is_no_folder_for_exports(finished_run, tmp_path, form):
    run = shutil.copytree(finished_run, tmp_path / "run")
    before = sorted(run.rglob("*"))
    with pytest.raises(UserError, match=r"is a run, and .* name another one"):
        export.main(options_for_export(finished_run, run, format=form))
    assert sorted(run.rglob("*")) == before


def test_an_unwritable_export_folder_is_one_clear_line(tmp_path, finished_run):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        export.main(options_for_export(finished_run, tmp_path / "file" / "x"))
