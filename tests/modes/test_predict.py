"""Predictions for image files, good and bad."""

import json

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from modes import predict


def options(run, *images, json_output=True):
    return Options(
        config=None,
        run=str(run),
        images=tuple(map(str, images)),
        json=json_output,
    )


def test_a_trained_network_names_the_colour(finished_run, image_folder, capsys):
    image = image_folder / "val" / "green" / "00.png"
    assert predict.main(options(finished_run, image)) == 0
    [result] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["file"] == str(image)
    assert result["classes"][0] == "green"
    assert sorted(result["classes"]) == ["blue", "green", "red"]
    assert sum(result["probabilities"]) == pytest.approx(1)
    assert result["probabilities"] == sorted(
        result["probabilities"], reverse=True
    )


def test_bad_files_are_reported_and_good_ones_predicted(
    finished_run, image_folder, tmp_path, capsys
):
    good = image_folder / "val" / "red" / "00.png"
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff but no JPEG")
    empty = tmp_path / "empty.png"
    empty.touch()
    thin = tmp_path / "thin.png"
    Image.fromarray(np.zeros((3000, 1, 3), np.uint8)).save(thin)
    absent = tmp_path / "absent.jpg"
    files = (broken, empty, good, thin, absent)
    assert predict.main(options(finished_run, *files)) == 2
    output = capsys.readouterr()
    results = json.loads(output.out.splitlines()[-1])
    assert [r["file"] for r in results] == list(map(str, files))
    assert [r.get("classes", [None])[0] for r in results].count("red") == 1
    errors = {r["file"]: r["error"] for r in results if "error" in r}
    assert errors == {
        str(broken): "not a JPEG, PNG, GIF, BMP or WebP image that can be "
        "decoded",
        str(empty): "not a JPEG, PNG, GIF, BMP or WebP image that can be "
        "decoded",
        str(thin): "one side is over 20 times the other",
        str(absent): "No such file or directory",
    }
    assert len(output.err.splitlines()) == 4


def test_text_output_lists_names_and_probabilities(
    finished_run, image_folder, capsys
):
    image = image_folder / "val" / "blue" / "00.png"
    predict.main(options(finished_run, image, json_output=False))
    about, *lines = capsys.readouterr().out.splitlines()
    assert about == (
        f"run {finished_run}: trained on folder, 3 classes: blue, green, red"
    )
    assert lines[0] == str(image)
    probability, name = lines[1].split()
    assert name == "blue"
    assert float(probability) > 1 / 3


def test_no_image_is_an_error(finished_run):
    with pytest.raises(UserError, match="--image"):
        predict.main(options(finished_run))
