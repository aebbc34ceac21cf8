"""From a run to its index, codes and nearest images."""

import dataclasses
import json
import os
import pathlib
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.errors import UserError
from alexnet_tf.retrieval import image_index
from alexnet_tf.retrieval.codes import open_codes
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.retrieval.image_index import ImageIndex
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from modes import codes, index, search

IMAGES = 72  # training images of the folder
BITS = 16


@pytest.fixture(scope="module")
def run(finished_run, tmp_path_factory):
    """A copy of the run with an index and codes of 16 bits."""
    path = tmp_path_factory.mktemp("runs") / "indexed"
    return shutil.copytree(finished_run, path)


@pytest.fixture(scope="module")
def options(run, options_for):
    """Function that returns `Options` for the three modes."""

    def make(**changes):
        quick = options_for(
            run, **{"retrieval.steps": 20, "retrieval.hidden": 32}
        )
        return dataclasses.replace(quick, json=True, **changes)

    return make


@pytest.fixture(scope="module")
def indexed(options, run):
    assert index.main(options()) == 0
    assert codes.main(options(codes=BITS)) == 0
    return ImageIndex(run / "index")


@pytest.fixture(scope="module")
def fc7(run):
    """Function from an image file to its vector."""
    trained = load_trained(Run(run))
    vectors_of = Fc7(trained.network, trained.crop)
    return lambda file: vectors_of(to_record(decode(file.read_bytes()))[None])


@pytest.fixture
def other_run(run, tmp_path):
    """The run with the weights of a longer training."""
    other = shutil.copytree(run, tmp_path / "other")
    weights = other / "best" / "network.weights.h5"
    weights.write_bytes(weights.read_bytes() + b"changed")
    return other


def results_of(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_every_training_image_is_in_the_index(indexed, image_folder, fc7):
    assert indexed.vectors.shape == (IMAGES, 256)
    assert sorted(image.id for image in indexed.images) == list(range(IMAGES))
    for row in (0, 30, IMAGES - 1):
        image = indexed.images[row]
        file = image_folder / "train" / image.name
        assert file.parent.name == image.class_name
        assert image.label == ["blue", "green", "red"].index(image.class_name)
        np.testing.assert_allclose(
            indexed.vectors[row], fc7(file)[0], rtol=1e-4, atol=1e-5
        )
        colour = indexed.thumbnails[row].mean(axis=(0, 1))
        assert colour.argmax() == 2 - image.label


def test_the_nearest_are_those_of_brute_force(
    indexed, options, image_folder, fc7, run, capsys
):
    files = [
        image_folder / "val" / name / "02.png" for name in ("green", "red")
    ]
    images = tuple(map(str, files))
    assert search.main(options(images=images, neighbours=5)) == 0
    for file, result in zip(files, results_of(capsys), strict=True):
        assert result["file"] == str(file)
        assert result["metric"] == "euclidean"
        vectors = indexed.vectors.astype(np.float64)
        distances = np.linalg.norm(vectors - fc7(file), axis=1)
        found = result["neighbours"]
        assert [n["row"] for n in found] == distances.argsort()[:5].tolist()
        assert [n["distance"] for n in found] == pytest.approx(
            np.sort(distances)[:5]
        )
        for neighbour in found:
            image = indexed.images[neighbour["row"]]
            assert neighbour["class"] == image.class_name == file.parent.name
            assert (neighbour["id"], neighbour["name"]) == (
                image.id,
                image.name,
            )


def test_an_indexed_image_is_nearest_to_itself(
    indexed, options, image_folder, capsys
):
    image = indexed.images[40]
    file = str(image_folder / "train" / image.name)
    search.main(options(images=(file,), neighbours=1))
    [result] = results_of(capsys)
    [found] = result["neighbours"]
    assert found["row"] == 40
    assert found["distance"] == pytest.approx(0, abs=1e-4)


def test_a_file_name_that_is_not_utf8_is_escaped(
    options, indexed, image_folder, tmp_path, capfdbinary
):
    """As JSON, as text and as title of a row of the sheet."""
    file = os.fsencode(tmp_path) + b"/caf\xe9.png"
    shutil.copy(image_folder / "val" / "red" / "00.png", file)
    shown = f"{tmp_path}/caf\\xe9.png"
    asked = options(images=(os.fsdecode(file),), neighbours=1)
    assert search.main(asked) == 0
    last = capfdbinary.readouterr().out.decode("ascii").splitlines()[-1]
    assert [result["file"] for result in json.loads(last)] == [shown]
    assert search.main(dataclasses.replace(asked, json=False)) == 0
    assert shown in capfdbinary.readouterr().out.decode("ascii").splitlines()


def test_the_sheet_has_a_row_for_each_query(
    indexed, options, image_folder, run, capsys
):
    classes = ("blue", "green", "red")
    images = tuple(
        str(image_folder / "val" / name / "00.png") for name in classes
    )
    search.main(options(images=images))
    with Image.open(run / "figures" / "search.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    for row, channel in zip(np.array_split(pixels, 3), (2, 1, 0), strict=True):
        others = np.delete(row, channel, axis=-1).max(axis=-1)
        coloured = (row[..., channel] > others + 60).any(axis=0)
        # The query and its six neighbours.
        assert np.sum(np.diff(coloured.astype(int)) == 1) == 7


def test_codes_are_searched_by_hamming_distance(
    indexed, options, image_folder, fc7, capsys
):
    stored = open_codes(indexed, BITS)
    np.testing.assert_array_equal(
        stored.encode(indexed.vectors),
        np.load(indexed.path / "codes-16/codes.npy"),
    )
    file = image_folder / "val" / "blue" / "01.png"
    assert search.main(options(images=(str(file),), codes=BITS)) == 0
    [result] = results_of(capsys)
    assert result["metric"] == "hamming"
    differing = np.unpackbits(stored.codes ^ stored.encode(fc7(file)), axis=1)
    distances = differing.sum(axis=1)
    found = result["neighbours"]
    assert [n["distance"] for n in found] == np.sort(distances)[:6].tolist()
    for neighbour in found:
        assert distances[neighbour["row"]] == neighbour["distance"]


@pytest.mark.slow
def test_other_kinds_of_index(
    indexed, options, image_folder, fc7, tmp_path, capsys
):
    folder = tmp_path / "half"
    made = {"index_dir": str(folder), "index_dtype": "float16"}
    assert index.main(options(index_kind="hnsw", **made)) == 0
    half = ImageIndex(folder)
    assert half.vectors.dtype == np.float16
    np.testing.assert_allclose(
        half.vectors, indexed.vectors, rtol=1e-3, atol=1e-6
    )
    assert codes.main(options(codes=8, index_kind="ivf", **made)) == 0
    file = image_folder / "val" / "red" / "03.png"
    stored = open_codes(half, 8)
    differing = np.unpackbits(stored.codes ^ stored.encode(fc7(file)), axis=1)
    differences = half.vectors.astype(np.float64) - fc7(file)
    # Few images: the approximate searches see all of them.
    for bits, distances in (
        (0, np.linalg.norm(differences, axis=1)),
        (8, differing.sum(axis=1)),
    ):
        asked = options(images=(str(file),), codes=bits, **made)
        assert search.main(asked) == 0
        [result] = results_of(capsys)
        assert [n["distance"] for n in result["neighbours"]] == pytest.approx(
            np.sort(distances)[:6]
        )


def test_an_index_knows_its_run(indexed, options, image_folder, capsys):
    file = str(image_folder / "val" / "red" / "04.png")
    asked = options(images=(file,), index_dir=str(indexed.path))
    asked.run = None
    assert search.main(asked) == 0
    [result] = results_of(capsys)
    assert {n["class"] for n in result["neighbours"]} == {"red"}


def test_an_index_of_other_weights_is_refused(
    indexed, options, image_folder, other_run
):
    file = str(image_folder / "val" / "red" / "04.png")
    asked = options(images=(file,), index_dir=str(indexed.path))
    asked.run = str(other_run)
    with pytest.raises(UserError, match="made with other weights"):
        search.main(asked)


def test_a_bad_file_is_reported_and_the_rest_searched_for(
    indexed, options, image_folder, tmp_path, capsys
):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff but no JPEG")
    good = image_folder / "val" / "green" / "00.png"
    asked = options(images=(str(broken), str(good)))
    assert search.main(asked) == 2
    output = capsys.readouterr()
    first, second = json.loads(output.out.splitlines()[-1])
    assert "not a JPEG" in first["error"]
    assert len(second["neighbours"]) == 6
    assert str(broken) in output.err

    asked.json = False
    assert search.main(asked) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [str(broken), "  not searched for", str(good)]
    assert len(lines) == 9
    distance, class_name, name = lines[3].split()
    assert float(distance) > 0
    assert class_name == "green"
    assert pathlib.Path(name).parent.name == "green"


def test_images_that_cannot_be_decoded_are_left_out(
    options, own_images, tmp_path, capsys
):
    (own_images / "train" / "blue" / "05.png").write_bytes(b"no image")
    folder = tmp_path / "index"
    asked = options(index_dir=str(folder))
    asked.data_dir = str(own_images)
    assert index.main(asked) == 0
    assert "1 of 72 images are not in the index" in capsys.readouterr().err
    written = ImageIndex(folder)
    names = {image.name for image in written.images}
    assert len(names) == len(written.vectors) == IMAGES - 1
    assert not any(name.endswith("blue/05.png") for name in names)


def test_names_that_spreadsheets_would_run_come_back_as_they_were(
    options, own_images, tmp_path
):
    for split in ("train", "val"):
        (own_images / split / "blue").rename(own_images / split / "=1+1")
    folder = tmp_path / "index"
    asked = options(index_dir=str(folder))
    asked.data_dir = str(own_images)
    assert index.main(asked) == 0
    table = (folder / "images.csv").read_text()
    assert ",'=1+1," in table
    assert ",=" not in table
    images = ImageIndex(folder).images
    assert {i.class_name for i in images} == {"=1+1", "green", "red"}


def test_an_interrupted_index_leaves_nothing(options, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(image_index, "write_search_file", interrupted)
    folder = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        index.main(options(index_dir=str(folder), index_kind="ivf"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "changes", "message"),
    [
        (search, {"images": ()}, "--mode=search needs --image"),
        (search, {"neighbours": 73}, "holds 72 images, fewer than"),
        (search, {"codes": 64}, "no codes of 64 bits: make them with"),
        (search, {"index_dir": "/nowhere"}, "there is no index in /nowhere"),
        (index, {}, "is there already"),
        (codes, {"codes": BITS}, "is there already"),
        (codes, {"codes": 0}, "a multiple of 8"),
        (codes, {"codes": 12}, "a multiple of 8"),
        (codes, {"codes": 8, "index_kind": "ivf4"}, "flat, hnsw, ivf are"),
    ],
)
def test_what_cannot_be_done_is_said(
    indexed, options, image_folder, mode, changes, message
):
    image = str(image_folder / "val" / "red" / "00.png")
    changes = {"images": (image,), **changes}
    with pytest.raises(UserError, match=message):
        mode.main(options(**changes))


@pytest.mark.parametrize("mode", [index, codes, search])
def test_without_faiss_each_mode_says_what_to_install(
    indexed, options, image_folder, monkeypatch, mode
):
    monkeypatch.setitem(sys.modules, "faiss", None)
    image = str(image_folder / "val" / "red" / "00.png")
    with pytest.raises(UserError, match="--group retrieval"):
        mode.main(options(images=(image,), codes=8 if mode is codes else BITS))
