"""Predictions for image files, good and bad."""

import csv
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.prediction_table import NONE
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.files.checksums import SEAL_LENGTH
from alexnet_tf.files.text import counted
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
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


def test_what_is_no_file_or_too_large_is_reported(
    finished_run, image_folder, tmp_path, capsys
):
    good = image_folder / "val" / "red" / "00.png"
    pipe, vast, film = (tmp_path / n for n in ("a.jpg", "b.jpg", "c.jpg"))
    os.mkfifo(pipe)
    for file, begin in ((vast, b"\xff\xd8\xff"), (film, b"\0\0\0 ftypmp42")):
        file.write_bytes(begin)
        os.truncate(file, 2**40)  # bytes that nobody has to have
    files = ("/dev/zero", pipe, vast, film, good)
    assert predict.main(options(finished_run, *files)) == 2
    results, _ = results_of(capsys)
    said = [r.get("error", "")[:24] for r in results]
    assert said == [
        "a pipe or a device, not a file"[:24],
        "a pipe or a device, not a file"[:24],
        "larger than 1024 MiB",
        "a video, which is not read here"[:24],
        "",
    ]


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


def explained(run, folder, *images, **more):
    given = options(run, *images)
    return dataclasses.replace(given, explain=str(folder), **more)


def test_pictures_lie_as_the_images_do(
    finished_run, image_folder, tmp_path, capsys
):
    images = [
        image_folder / "val" / "red" / "00.png",
        image_folder / "val" / "blue" / "00.png",
    ]
    broken = image_folder / "val" / "none.png"
    folder = tmp_path / "why"
    given = explained(finished_run, folder, *images, broken)
    assert predict.main(given) == 2
    said, last = capsys.readouterr().out.splitlines()[-2:]
    assert said == f"{folder}: 2 pictures of the evidence"
    plain = options(finished_run, *images)
    assert predict.main(plain) == 0
    without = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads(last)[:2] == without
    written = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.png")
    )
    assert written == ["blue/00.png.png", "red/00.png.png"]
    sizes = set()
    for path in folder.rglob("*.png"):
        with Image.open(path) as picture:
            sizes.add(picture.size)
            assert np.asarray(picture).std() > 20
    assert len(sizes) == 1  # the crop and three classes, in two rows of three


def test_pictures_go_with_a_table(finished_run, image_folder, tmp_path, capsys):
    folder, table = tmp_path / "why", tmp_path / "out.csv"
    image = image_folder / "val" / "red" / "00.png"
    for pictures in (1, 0):
        given = explained(
            finished_run, folder, image, csv=str(table), json=False
        )
        assert predict.main(given) == 0
        # The second time the file has its row, and its picture.
        said = capsys.readouterr().out
        assert f"{folder}: {counted(pictures, 'picture')} of" in said
    assert [p.name for p in folder.iterdir()] == ["00.png.png"]


def test_pictures_among_the_images_are_refused(finished_run, image_folder):
    folder = image_folder / "val" / "why"
    with pytest.raises(UserError, match="name a folder elsewhere"):
        predict.main(explained(finished_run, folder, image_folder))
    assert not folder.exists()


@pytest.mark.parametrize("named", ["files", "pattern", "list", "below"])
def test_pictures_take_no_image_s_place(
    finished_run, image_folder, tmp_path, monkeypatch, named
):
    shutil.copytree(image_folder / "val" / "red", tmp_path / "ex" / "red")
    folder = tmp_path / "ex" / "red"
    (folder / "00.png").rename(folder / "a.jpg")
    (folder / "01.png").rename(folder / "a.jpg.png")
    content = (folder / "a.jpg.png").read_bytes()
    (tmp_path / "list.txt").write_text("ex/red/a.jpg\n")
    monkeypatch.chdir(folder)
    images, explain = {
        "files": (["a.jpg", "02.png"], "."),
        "pattern": ([f"{folder}/*.png"], str(folder)),
        "list": ([str(tmp_path / "list.txt")], str(folder)),
        "below": (["a.jpg"], ".."),
    }[named]
    with pytest.raises(UserError, match="name a folder elsewhere"):
        predict.main(explained(finished_run, explain, *images))
    assert (folder / "a.jpg.png").read_bytes() == content
    assert len(list(tmp_path.rglob("*.*"))) == 7


def test_pictures_that_cannot_be_written_are_one_clear_line(
    finished_run, image_folder, tmp_path
):
    (tmp_path / "file").touch()
    image = image_folder / "val" / "red" / "00.png"
    with pytest.raises(UserError, match="cannot be written"):
        predict.main(explained(finished_run, tmp_path / "file", image))


def test_no_image_is_an_error(finished_run):
    with pytest.raises(UserError, match="--image"):
        predict.main(options(finished_run))


def results_of(capsys):
    output = capsys.readouterr()
    return json.loads(output.out.splitlines()[-1]), output.err


@pytest.fixture
def holidays(image_folder, tmp_path):
    """A folder with three images and what systems leave beside them."""
    folder = tmp_path / "holidays"
    (folder / "b").mkdir(parents=True)
    image = (image_folder / "val" / "red" / "00.png").read_bytes()
    for name in ("a.JPG", "b/a.jfif", "c.jpg_large"):
        (folder / name).write_bytes(image)
    left = (".DS_Store", "Thumbs.db", "desktop.ini", "._a.JPG", "b/._a.jfif")
    for name in left:
        (folder / name).write_bytes(b"x")
    (folder / "@eaDir").mkdir()
    (folder / "@eaDir" / "a.JPG").write_bytes(b"x")
    return folder


def test_what_systems_leave_in_a_folder_is_no_failure(
    finished_run, holidays, capsys
):
    expected = [str(holidays / n) for n in ("a.JPG", "b/a.jfif", "c.jpg_large")]
    assert predict.main(options(finished_run, holidays)) == 0
    results, errors = results_of(capsys)
    assert [result["file"] for result in results] == expected
    assert errors == ""
    # As a shell lists it.
    named = sorted(p for p in holidays.iterdir() if p.name[0] != ".")
    assert predict.main(options(finished_run, *named)) == 0
    results, _ = results_of(capsys)
    assert str(holidays / "Thumbs.db") not in [r["file"] for r in results]


def test_what_is_left_out_of_a_folder_is_said(finished_run, holidays, capsys):
    (holidays / "notes.txt").touch()
    assert predict.main(options(finished_run, holidays)) == 0
    results, errors = results_of(capsys)
    assert len(results) == 3
    [line] = errors.splitlines()
    assert "left out 1 file, " in line
    assert "notes.txt" in line


def test_a_pattern_that_no_shell_has_expanded(finished_run, holidays, capsys):
    assert predict.main(options(finished_run, holidays / "*.JPG")) == 0
    results, _ = results_of(capsys)
    assert [r["file"] for r in results] == [str(holidays / "a.JPG")]
    (holidays / "[a].png").write_bytes((holidays / "a.JPG").read_bytes())
    assert predict.main(options(finished_run, holidays / "[a].png")) == 0
    assert predict.main(options(finished_run, holidays / "*.webp")) == 2
    results, errors = results_of(capsys)
    assert "No such file" in errors


def test_a_folder_without_images_is_an_error(finished_run, tmp_path):
    (tmp_path / "Thumbs.db").touch()
    with pytest.raises(UserError, match="needs --image"):
        predict.main(options(finished_run, tmp_path))


def test_files_of_other_formats_are_told_what_to_do(
    finished_run, tmp_path, capsys
):
    image = Image.new("RGB", (9, 9))
    image.save(tmp_path / "a.tiff")
    image.save(tmp_path / "b.pdf")
    (tmp_path / "c.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    address = "https://example.org/a.jpg"
    files = [address, tmp_path / "b.pdf", tmp_path]
    assert predict.main(options(finished_run, *files)) == 2
    results, _ = results_of(capsys)
    told = {r["file"].split("/")[-1]: r["error"] for r in results}
    assert "download" in told["a.jpg"]
    assert "a TIFF image" in told["a.tiff"]
    assert "a PDF document" in told["b.pdf"]
    assert "a HEIC photograph" in told["c.heic"]
    assert results[0]["file"] == address


def test_many_files_show_progress(finished_run, image_folder, capsys):
    folder = image_folder / "train" / "red"
    assert predict.main(options(finished_run, folder)) == 0
    results, errors = results_of(capsys)
    assert len(results) >= 10
    assert f"predict: {len(results)}/{len(results)} images" in errors


@pytest.mark.parametrize("json_output", [True, False])
def test_names_that_are_not_utf8_are_escaped(
    finished_run, image_folder, tmp_path, capsys, json_output
):
    odd = os.fsencode(tmp_path) + b"/caf\xe9\n.png"
    good = (image_folder / "val" / "red" / "00.png").read_bytes()
    with open(odd, "wb") as file:
        file.write(good)
    found = options(finished_run, os.fsdecode(odd), json_output=json_output)
    assert predict.main(found) == 0
    output = capsys.readouterr().out
    output.encode("utf-8")
    name = rf"{tmp_path}/caf\xe9\n.png"
    if json_output:
        assert json.loads(output.splitlines()[-1])[0]["file"] == name
    else:
        assert name in output.splitlines()


def table_options(run, table, *images, **more):
    return Options(run=str(run), images=images, csv=str(table), **more)


def table_rows(table):
    with open(table, newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file, strict=True)}


def assert_are_the_networks(rows, run):
    """Rows have the probabilities that the network gives, image by image."""
    trained = load_trained(Run(run))
    for file, row in rows.items():
        record = to_record(decode(pathlib.Path(file).read_bytes()))
        [expected] = ten_crop_probabilities(
            trained.network, record[None], trained.crop
        ).numpy()
        order = np.argsort(-expected)
        names = [trained.class_names[i] for i in order]
        assert [row[f"class_{k}"] for k in (1, 2, 3)] == names
        found = [float(row[f"probability_{k}"]) for k in (1, 2, 3)]
        # Batches of other sizes add in another order, in float32.
        np.testing.assert_allclose(found, expected[order], rtol=1e-4)
        assert (row["class"], row["probability"]) == (
            row["class_1"],
            row["probability_1"],
        )
        assert {row["class_4"], row["probability_5"], row["error"]} == {""}


def test_a_table_of_a_folder(finished_run, image_folder, tmp_path, capsys):
    folder = tmp_path / "photos"
    shutil.copytree(image_folder / "val", folder)
    broken = folder / "red" / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff but no JPEG")
    table = tmp_path / "out.csv"
    options = table_options(finished_run, table, str(folder))
    assert predict.main(options) == 2
    output = capsys.readouterr()
    assert output.err.splitlines()[-1].startswith(f"main.py: {broken}: not a")
    assert output.out.splitlines()[-1] == (
        f"{table}: 18 files predicted; 1 failed"
    )
    rows = table_rows(table)
    assert rows.keys() == {str(p) for p in folder.rglob("*.*")}
    failed = rows.pop(str(broken))
    assert failed["error"].startswith("not a JPEG")
    assert not failed["class"] + failed["probability"] + failed["class_1"]
    assert_are_the_networks(rows, finished_run)
    # A second start tries what failed, and nothing else.
    Image.new("RGB", (9, 9)).save(broken)
    assert predict.main(options) == 0
    again = table_rows(table)
    assert again.pop(str(broken))["class"]
    assert again == rows
    least = float(rows[str(folder / "red" / "00.png")]["probability"])
    options.csv, options.threshold = str(tmp_path / "sure.csv"), least
    assert predict.main(options) == 0
    for file, row in table_rows(options.csv).items():
        if file in rows:
            is_sure = float(rows[file]["probability"]) >= least
            assert row["class"] == (rows[file]["class"] if is_sure else NONE)


def test_a_table_of_another_run_is_refused(
    finished_run, image_folder, tmp_path
):
    image, table = str(image_folder / "val/red/00.png"), tmp_path / "out.csv"
    assert predict.main(table_options(finished_run, table, image)) == 0
    moved = tmp_path / "moved"
    shutil.copytree(finished_run, moved)
    assert predict.main(table_options(moved, table, image)) == 0
    weights = Run(moved).best_weights
    with open(weights, "r+b") as file:
        file.truncate(weights.stat().st_size - SEAL_LENGTH)
    # That was its checksum. What is left are other bytes of the same weights.
    with pytest.raises(UserError, match="is of another network"):
        predict.main(table_options(moved, table, image))
    assert len(table_rows(table)) == 1


@pytest.mark.slow
def test_a_table_killed_and_started_again(finished_run, image_folder, tmp_path):
    table = tmp_path / "out.csv"
    folder = tmp_path / "photos"
    for i in range(4):
        shutil.copytree(image_folder, folder / str(i))
    command = ["--mode=predict", f"--run={finished_run}", folder]
    with subprocess.Popen(
        [sys.executable, "main.py", *command, f"--csv={table}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not (table.exists() and table.read_bytes().count(b"\n") > 20):
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    rows = table.read_bytes().count(b"\n") - 1
    assert rows < 360
    options = table_options(finished_run, table, str(folder))
    assert predict.main(options) == 0
    assert table.read_bytes().count(b"\n") == 361
    found = table_rows(table)
    assert found.keys() == {str(path) for path in folder.rglob("*.png")}
