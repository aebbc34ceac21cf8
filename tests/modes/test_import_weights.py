"""--mode=import_weights, and what the other modes make of its runs."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from configs import caffe
from modes import evaluate, export, import_weights, train
from tests.weights import alexnet_files as files

MAIN = pathlib.Path(__file__).parents[2] / "main.py"
NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def weights():
    return files.random_weights(files.WIDTH, classes=3)


@pytest.fixture(scope="module")
def caffemodel(tmp_path_factory, weights):
    file = tmp_path_factory.mktemp("caffe") / "random.caffemodel"
    file.write_bytes(files.caffemodel(files.caffe_chain(), weights))
    return file


@pytest.fixture(scope="module")
def options_of(caffemodel, image_folder):
    """Function from a run folder to the `Options` that import into it."""

    def make(run, **changes):
        config = caffe.get_config()
        config.model.width = files.WIDTH
        config.data.name = "folder"
        values = {
            "config": config,
            "config_given": True,
            "run": str(run),
            "weights": str(caffemodel),
            "data_dir": str(image_folder),
        }
        return Options(**{**values, **changes})

    return make


@pytest.fixture(scope="module")
def imported(tmp_path_factory, options_of):
    """Folder of an imported run, below folders that were not there."""
    run = tmp_path_factory.mktemp("runs") / "new" / "caffe"
    assert import_weights.main(options_of(run)) == 0
    assert [path.name for path in run.parent.iterdir()] == ["caffe"]
    return run


def of_run(run, **more):
    return Options(config=None, run=str(run), **more)


def test_the_run_folder(imported, caffemodel, image_folder):
    run = Run(imported)
    config = run.read_config()
    assert config.model.num_classes == 3
    assert config.model.channel_order == "bgr"
    dataset = run.read_dataset()
    assert tuple(dataset["class_names"]) == NAMES
    assert dataset["data_dir"] == str(image_folder)
    assert dataset["imported_from"]["file"] == "random.caffemodel"
    digest = subprocess.check_output(["sha256sum", caffemodel], text=True)
    assert dataset["imported_from"]["sha256"] == digest.split()[0]
    assert len(json.loads(run.starts_file.read_text())) == 1


def test_damage_to_the_weights_is_found(imported, tmp_path, options_of):
    run = Run(tmp_path / "run")
    assert import_weights.main(options_of(run.path)) == 0
    data = bytearray(run.best_weights.read_bytes())
    data[len(data) // 2] ^= 1
    run.best_weights.write_bytes(data)
    with pytest.raises(UserError, match="SHA-256 has changed"):
        load_trained(run)


def test_it_evaluates(imported, capsys):
    assert evaluate.main(of_run(imported, crops=1, json=True)) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["samples"] == 18
    trained = load_trained(Run(imported))
    labels, answers = [], []
    for label, name in enumerate(NAMES):
        folder = pathlib.Path(Run(imported).read_dataset()["data_dir"])
        for file in sorted((folder / "val" / name).iterdir()):
            image = tf.io.decode_png(file.read_bytes())
            # Shorter side to 256, the middle of the longer one, the centre.
            image = tf.image.resize(image, (256, 320), antialias=True)
            image = np.clip(np.round(image), 0, 255)[14:241, 46:273]
            logits = trained.network(image[None].astype(np.uint8))
            labels.append(label)
            answers.append(int(np.argmax(logits)))
    error = np.mean(np.array(labels) != np.array(answers))
    # Resizing by another program may turn a close decision.
    assert abs(result["top1_error"] - error) <= 1 / 18


@pytest.mark.slow
def test_it_serves(imported, tmp_path, image_folder):
    base = tmp_path / "model"
    assert export.main(of_run(imported, export_dir=str(base))) == 0
    model = tf.saved_model.load(str(base / "1"))
    trained = load_trained(Run(imported))
    records = np.random.default_rng(0).integers(
        0, 256, (1, 256, 256, 3), np.uint8
    )
    png = tf.io.encode_png(records[0]).numpy()
    answer = model.signatures["serving_default"](tf.constant([png]))
    expected = np.asarray(
        ten_crop_probabilities(trained.network, records, trained.crop)
    )
    names = [name.decode() for name in answer["classes"].numpy()[0]]
    found = dict(zip(names, answer["scores"].numpy()[0], strict=True))
    for name, probability in zip(NAMES, expected[0], strict=True):
        assert found[name] == pytest.approx(probability, rel=1e-4)
    card = (base / "model_card.md").read_text()
    assert "imported from random.caffemodel" in card
    assert "Ten crops: conv1 is computed for each by itself, since" in card


def test_for_pytorch_the_weights_are_caffes_in_rgb(imported, weights, tmp_path):
    folder = tmp_path / "torch"
    asked = of_run(imported, export_dir=str(folder), format="safetensors")
    assert export.main(asked) == 0
    arrays = load_file(folder / "alexnet.safetensors")
    for name, (kernel, bias) in weights.items():
        if name == "conv1":
            kernel = kernel[:, ::-1]
        np.testing.assert_array_equal(arrays[f"{name}.weight"], kernel)
        np.testing.assert_array_equal(arrays[f"{name}.bias"], bias)
    red_first = np.float32(files.MEAN[::-1])
    np.testing.assert_array_equal(arrays["mean"].ravel(), red_first)
    again = Options(
        config=None,
        run=str(tmp_path / "again"),
        weights=str(folder / "alexnet.safetensors"),
    )
    assert import_weights.main(again) == 0
    before, after = (Run(path).read_config() for path in (imported, again.run))
    assert before.to_dict() == after.to_dict()
    one, other = (load_trained(Run(p)).network for p in (imported, again.run))
    for mine, its in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_it_is_no_training_to_go_on_with(imported):
    with pytest.raises(UserError, match="imported weights, no training"):
        train.main(of_run(imported))


def test_imagenets_names_where_there_are_1000_classes(tmp_path, options_of):
    file = tmp_path / "narrow.caffemodel"
    weights = files.random_weights(1 / 16, classes=1000)
    file.write_bytes(files.caffemodel(files.caffe_chain(), weights))
    asked = options_of(tmp_path / "run", weights=str(file), data_dir=None)
    asked.config.model.width = 1 / 16
    assert import_weights.main(asked) == 0
    names = Run(asked.run).read_dataset()["class_names"]
    # Of ILSVRC-2012, in the order of their WordNet ids.
    assert names[:2] == ["tench", "goldfish"]
    assert names[999].startswith("toilet")
    assert len(names) == 1000


def test_a_mean_of_each_colour(tmp_path, options_of):
    file = tmp_path / "mean.npy"
    np.save(file, [101.5, 112.25, 123.1])
    asked = options_of(tmp_path / "run", mean_file=str(file))
    assert import_weights.main(asked) == 0
    config = Run(asked.run).read_config()
    assert config.model.mean == "given"
    assert list(config.model.mean_values) == [123.1, 112.25, 101.5]


def test_without_a_mean(tmp_path, options_of):
    asked = options_of(tmp_path / "run")
    asked.config.model.mean = "image"
    refuse(asked, r"give --mean_file=FILE")
    assert not any(tmp_path.iterdir())


def refuse(options, words):
    with pytest.raises(UserError, match=words) as caught:
        import_weights.main(options)
    assert "\n" not in str(caught.value)


def test_names_of_classes_that_nobody_knows(tmp_path, options_of):
    asked = options_of(tmp_path / "run", data_dir=None)
    refuse(asked, r"tells 3 classes apart and does not name them")
    assert not any(tmp_path.iterdir())


def test_images_of_another_number_of_classes(tmp_path, options_of):
    asked = options_of(tmp_path / "run", data_dir=None)
    asked.overrides = {"data.name": "embedded"}
    asked.config.data.name = "embedded"
    refuse(asked, r"tells 3 classes apart, but .* has 10")


def test_nothing_to_import(tmp_path, options_of):
    refuse(options_of(tmp_path, weights=None), "needs --weights=FILE")
    refuse(options_of(tmp_path, weights="alexnet.h5"), "no format is known")
    missing = str(tmp_path / "alexnet.npy")
    refuse(options_of(tmp_path, weights=missing), "is a Python pickle")
    missing = str(tmp_path / "alexnet.caffemodel")
    refuse(options_of(tmp_path, weights=missing), "cannot be read: .*No such")


def test_a_recipe_must_be_named(tmp_path, options_of):
    asked = options_of(tmp_path / "run", config_given=False)
    refuse(asked, r"such as --config=configs/caffe\.py")


def test_the_papers_network_is_another(tmp_path, options_of):
    from configs import paper

    config = paper.get_config()
    config.model.width = files.WIDTH
    config.data.name = "folder"
    refuse(
        options_of(tmp_path / "run", config=config),
        "lrn n=5 k=1 .* in the file and .*lrn n=5 k=2",
    )
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_taken(imported, options_of):
    before = sorted(imported.rglob("*"))
    refuse(options_of(imported), "exists: name a new folder")
    assert sorted(imported.rglob("*")) == before


def test_an_empty_folder_is_not_taken(tmp_path, options_of):
    run = tmp_path / "run"
    run.mkdir()
    assert import_weights.main(options_of(run)) == 0
    assert Run(run).best_weights.is_file()


def test_a_failing_disk_leaves_nothing(tmp_path, options_of, monkeypatch):
    def fail(self, path):
        pathlib.Path(path).write_bytes(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", fail)
    refuse(options_of(tmp_path / "run"), "cannot be written: No space left")
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_line(tmp_path):
    (tmp_path / "page.caffemodel").write_text("<html>404</html>")
    result = subprocess.run(
        [
            *(sys.executable, MAIN, "--mode=import_weights"),
            f"--config={MAIN.parent / 'configs' / 'caffe.py'}",
            *("--weights=page.caffemodel", "--run=runs/caffe"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert "page.caffemodel cannot be read: no NetParameter" in line
    assert [path.name for path in tmp_path.iterdir()] == ["page.caffemodel"]
