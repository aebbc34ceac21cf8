"""Files from elsewhere neither run anything nor lead out of their folder."""

import csv
import io
import json
import os
import pathlib
import pickle
import tarfile

import h5py
import keras
import numpy as np
import pytest

from alexnet_tf.data.damage import COLUMNS, read_damaged
from alexnet_tf.data.image_set import Damaged, check_class_names
from alexnet_tf.data.prepared.description import read_description
from alexnet_tf.data.prepared.rejections import Rejections
from alexnet_tf.data.prepared.shard_writer import Rejected
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.imagenet_tars import TRAIN, load_imagenet_tars
from alexnet_tf.data.sources.tfds import load_tfds
from alexnet_tf.data.statistics import Statistics
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.by_class import class_results
from alexnet_tf.evaluation.mistakes import Mistake
from alexnet_tf.evaluation.tables import (
    draw_confusion,
    read_confusion,
    write_confusion,
    write_per_class,
    write_rows,
)
from alexnet_tf.files.checksums import find_damage, write_checksums
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained, load_weights
from alexnet_tf.terminal.prediction_text import prediction_text
from configs import paper
from export.labels import write_labels
from export.server.models.models_config import read_models_config
from tests.data import imagenet_layout

FORMULA = "=HYPERLINK(\"http://x\", 'y')"


def refusal(function, *arguments):
    """The one line with which something is refused."""
    with pytest.raises(UserError) as refused:
        function(*arguments)
    message = str(refused.value)
    assert message.isprintable()
    return message


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return pathlib.Path.touch, (self.file,)


@pytest.fixture
def bomb(tmp_path):
    """Objects that would make `exploded`; that it works is tried first."""
    exploded = tmp_path / "exploded"
    made = np.array([Bomb(exploded)], dtype=object)
    pickle.loads(pickle.dumps(made))
    assert exploded.exists()
    exploded.unlink()
    yield made
    assert not exploded.exists()


def test_statistics_are_not_unpickled(tmp_path, bomb):
    np.savez(tmp_path / "statistics.npz", mean_image=bomb, covariance=bomb)
    assert "pickle" in refusal(Statistics.load, tmp_path / "statistics.npz")


def test_the_mean_of_a_prepared_set_is_not_unpickled(tmp_path, bomb):
    from alexnet_tf.data.prepared.reader import load_prepared

    (tmp_path / "train.raw").write_bytes(bytes(196_672))
    describe(tmp_path, "train.raw")
    np.save(tmp_path / "mean.npy", bomb)
    source = load_prepared(tmp_path)
    assert "mean.npy" in refusal(source.statistics, "any")


def in_place_of(array, link):
    """Function that puts a link in the place of an array of a file."""

    def edit(file):
        del file[array]
        file[array] = link

    return edit


KERNEL = "layers/dense/vars/0"


def external_data(file):
    del file[KERNEL]
    file.create_dataset(KERNEL, (3, 2), "f4", external=[("secret.bin", 0, 24)])


def virtual_data(file):
    del file[KERNEL]
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", shape=(3, 2))
    file.create_virtual_dataset(KERNEL, layout)


@pytest.mark.parametrize(
    "edit",
    [
        in_place_of(KERNEL, h5py.ExternalLink("secret.h5", "x")),
        in_place_of("layers/dense/vars", h5py.ExternalLink("secret.h5", "/")),
        in_place_of(KERNEL, h5py.SoftLink("/hidden")),
        external_data,
        virtual_data,
    ],
    ids=["link", "group", "soft_link", "data", "virtual"],
)
def test_weights_come_from_their_file_alone(tmp_path, monkeypatch, edit):
    monkeypatch.chdir(tmp_path)
    secret = np.full((3, 2), 7, np.float32)
    secret.tofile("secret.bin")
    with h5py.File("secret.h5", "w") as file:
        file["x"] = file["0"] = secret
        file["1"] = secret[0]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.layers[0].name = "dense"
    weights = tmp_path / "some.weights.h5"
    model.save_weights(weights)
    load_weights(model, weights, Run(tmp_path / "run"))
    with h5py.File(weights, "r+") as file:
        file["hidden"] = secret
        edit(file)
    assert str(weights) in refusal(
        load_weights, model, weights, Run(tmp_path / "run")
    )
    assert not np.any(model.layers[0].kernel.numpy() == 7)


def describe(folder, file):
    """Writes a dataset.json with one shard of that name."""
    shard = {
        "file": file,
        "records": 1,
        "bytes": 196_672,
        "sha256": 64 * "0",
    }
    description = {
        "version": 1,
        "source": "folder",
        "format": "raw",
        "class_names": ["cat", "dog"],
        "licence": "",
        "covariance": [[1.0, 0.0, 0.0]] * 3,
        "splits": {"train": [shard]},
    }
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.mark.parametrize(
    "file",
    [
        *("../x", "/etc/passwd", "a/../../x", "sub/x", "..", ".", ""),
        *("x\0", "x\n", "..\\x", "~", "x\u2028", "\udcff"),
    ],
)
def test_a_shard_lies_in_the_folder_of_its_set(tmp_path, file):
    describe(tmp_path, file)
    assert "plain name" in refusal(read_description, tmp_path)


def member_of(kind, name="n01440764.tar", link="/etc/passwd"):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = link
    return member


MEMBERS = [
    member_of(tarfile.SYMTYPE),
    member_of(tarfile.SYMTYPE, link="n01440764.tar"),  # to itself
    member_of(tarfile.LNKTYPE, link="../x"),
    member_of(tarfile.FIFOTYPE),
    member_of(tarfile.CHRTYPE),
]


@pytest.mark.parametrize("member", MEMBERS, ids=range(len(MEMBERS)))
@pytest.mark.parametrize("depth", ["outer", "inner"])
def test_links_in_a_tar_are_not_followed(
    imagenet_tars, tmp_path, member, depth
):
    for file in imagenet_tars.iterdir():
        os.link(file, tmp_path / file.name)
    (tmp_path / TRAIN).unlink()
    with tarfile.open(tmp_path / TRAIN, "w") as outer:
        if depth == "outer":
            outer.addfile(member)
        else:
            inner_file = io.BytesIO()
            with tarfile.open(fileobj=inner_file, mode="w") as inner:
                inner.addfile(member)
            imagenet_layout.add(outer, "n02102040.tar", inner_file.getvalue())
    assert "no plain file" in refusal(load_imagenet_tars, tmp_path)


@pytest.mark.parametrize("name", ["a\nb.JPEG", "\x1b[2J.JPEG", "\udcff.JPEG"])
def test_names_in_a_tar_can_be_printed(imagenet_tars, tmp_path, name):
    for file in imagenet_tars.iterdir():
        os.link(file, tmp_path / file.name)
    (tmp_path / TRAIN).unlink()
    inner_file = io.BytesIO()
    with tarfile.open(fileobj=inner_file, mode="w") as inner:
        imagenet_layout.add(inner, name, b"")
    with tarfile.open(tmp_path / TRAIN, "w") as outer:
        imagenet_layout.add(outer, "n02102040.tar", inner_file.getvalue())
    assert "printable name" in refusal(load_imagenet_tars, tmp_path)


@pytest.mark.parametrize(
    "name", ["a\nb", "a\r", "a\0", "\x1b]0;x\a", "\u2028", "\udcff", "\x85"]
)
def test_class_names_cannot_break_a_line(tmp_path, finished_run, name):
    refusal(check_class_names, "source", ("cat", name))
    run = Run(tmp_path / "run")
    (run.path / "best").mkdir(parents=True)
    for file in ("config.json", "best/network.weights.h5"):
        os.link(finished_run / file, run.path / file)
    dataset = Run(finished_run).read_dataset()
    dataset["class_names"][1] = name
    run.dataset_file.write_text(json.dumps(dataset))
    assert "dataset.json has a class named" in refusal(load_trained, run)


@pytest.mark.parametrize(
    "name",
    ["huggingface:mnist", "../x", "mnist/../../x", "/etc/x", "x;y", "a\nb", ""],
)
def test_names_of_data_sets_lead_nowhere_else(name, tmp_path):
    assert "no name of a data set" in refusal(load_tfds, name, tmp_path)


NAMES = ["=1+1", "+x", "-y", "@z", FORMULA, 'a,"b"', "../../x", "'=", "<b>"]


def test_tables_hold_no_formulas_and_give_names_back(tmp_path):
    counts = np.arange(len(NAMES) ** 2).reshape(len(NAMES), -1)
    write_confusion(tmp_path / "confusion.csv", counts, NAMES)
    write_per_class(tmp_path / "per_class.csv", class_results(counts, NAMES))
    mistakes = [
        Mistake(
            image=name,
            label=name,
            guess=name,
            guess_probability=0.5,
            label_probability=0.25,
        )
        for name in NAMES
    ]
    write_rows(tmp_path / "mistakes.csv", Mistake, mistakes)
    rejections = Rejections(tmp_path, 100, 1)
    rejections.add([Rejected("train", name, "broken") for name in NAMES])
    rejections.write()
    for file in tmp_path.glob("*.csv"):
        with open(file, newline="") as text:
            rows = list(csv.reader(text))
        assert len(rows) == 1 + len(NAMES)
        assert {len(row) for row in rows} == {len(rows[0])}
        cells = [cell for row in rows for cell in row if cell]
        assert not [cell for cell in cells if cell[0] in "=+-@"]
    found, names = read_confusion(tmp_path / "confusion.csv")
    np.testing.assert_array_equal(found, counts)
    assert names == NAMES


def test_class_names_name_no_files(tmp_path):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    write_labels(inside, NAMES)
    labels = inside / "assets" / "labels.txt"
    assert labels.read_text().splitlines() == NAMES
    draw_confusion(
        inside / "confusion.png", np.eye(len(NAMES), dtype=int), NAMES
    )
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {labels, inside / "confusion.png"}


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd.png", "../../x.png", "train/red/../../../x.png"),
        *("train/../x.png", "x.png", ""),
    ],
)
def test_lost_images_are_those_of_the_folder(image_folder, name):
    lost = Damaged(0, name, "gone", 5)
    with_it = load_folder(image_folder, [lost])
    assert with_it.fingerprint == load_folder(image_folder).fingerprint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "split,number\ntrain,1\n",
        ",".join(COLUMNS) + "\ntrain,1\n",
        ",".join(COLUMNS) + "\ntrain,one,name,reason,5\n",
        ",".join(COLUMNS) + f"\ntrain,1,{'x' * 200_000},reason,5\n",
        ",".join(COLUMNS) + "\ntrain,1,name,reason,5,6\n",
    ],
    ids=["empty", "columns", "short", "number", "long", "more"],
)
def test_an_odd_list_of_damaged_images_is_refused(tmp_path, text):
    (tmp_path / "damaged.csv").write_text(text)
    assert "cannot be read" in refusal(read_damaged, tmp_path / "damaged.csv")


def test_checksums_are_of_files_in_their_folder(tmp_path):
    (tmp_path / "outside").touch()
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "inside").touch()
    write_checksums(folder)
    assert find_damage(folder) is None
    file = folder / "checksums.json"
    digests = json.loads(file.read_text())
    file.write_text(json.dumps({"../outside": digests["inside"]}))
    assert "'../outside' is no file beside it" in find_damage(folder)


def test_names_of_models_can_be_printed(tmp_path):
    file = tmp_path / "models.config"
    file.write_text(
        'model_config_list { config { name: "a\\033[2J" base_path: "/x" '
        'model_platform: "tensorflow" } }'
    )
    assert "control characters" in refusal(read_models_config, file)


@pytest.mark.parametrize("name", ["\x1b[2J.jpg", "a\nb.jpg", "\udcff.jpg"])
def test_names_of_predicted_files_do_not_talk_to_the_terminal(name):
    text = prediction_text({"file": name, "error": "no image"})
    assert text.splitlines()[0].isprintable()
    assert len(text.splitlines()) == 2


def test_a_stored_config_is_only_data(tmp_path):
    """The one that is code is --config, which a person names."""
    from alexnet_tf.config import check_config, config_from_json

    stored = paper.get_config().to_dict()
    stored["data"]["name"] = "__import__('os').mkdir('exploded')"
    config = config_from_json(json.dumps(stored))
    check_config(config)
    assert "no name of a data set" in refusal(load_tfds, config.data.name)
