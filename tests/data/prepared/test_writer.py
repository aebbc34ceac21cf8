"""Preparing a folder: records, statistics, rejections and resuming."""

import csv
import hashlib
import json
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.data.prepared import writer as prepare_module
from alexnet_tf.data.prepared.description import read_description
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.reader import load_prepared, shards_of
from alexnet_tf.data.prepared.shard_writer import ShardWriter
from alexnet_tf.data.prepared.shards import Shards
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError
from tests.data.prepared.conftest import picture
from tests.slow import slow

ROOT = pathlib.Path(__file__).parents[3]


def contents(folder):
    """{path: digest} of everything in a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(
            file.read_bytes()
        ).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def records_of(source, split):
    """{id: (record, label)} of a split of a prepared source."""
    return {
        int(example["id"]): (
            source.decode(example["image"]).numpy(),
            int(example["label"]),
        )
        for example in split.examples
    }


def test_records_are_those_of_the_images(plain_folder, prepared, record_format):
    original, copy = load_folder(plain_folder), load_prepared(prepared)
    assert copy.class_names == original.class_names
    assert copy.licence == original.licence
    for split, size in (("train", 70), ("validation", 10)):
        found = records_of(copy, getattr(copy, split))
        assert len(found) == getattr(copy, split).size == size
        for example in getattr(original, split).examples:
            record, label = found[int(example["id"])]
            wanted = to_record(original.decode(example["image"])).numpy()
            assert label == example["label"]
            if record_format == "raw":
                np.testing.assert_array_equal(record, wanted)
            else:
                assert np.abs(record.astype(int) - wanted).mean() < 1.5


def test_classes_are_mixed_in_every_shard(prepared):
    description = read_description(prepared)
    for shard in shards_of(prepared, description)["train"].shards:
        alone = Shards([shard], FORMATS[description.format])
        labels = [int(example["label"]) for example in alone.examples()]
        # 35 of each class: all of one in 32 would be no chance.
        assert len(set(labels[:20])) == 2 or len(labels) < 20


def test_statistics_are_numpys(prepared):
    source = load_prepared(prepared)
    images = np.array(
        [record for record, _ in records_of(source, source.train).values()],
        np.float64,
    )
    pixels = images.reshape(-1, 3)
    statistics = source.statistics("any")
    np.testing.assert_allclose(
        statistics.mean_image, images.mean(axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(
        statistics.covariance, np.cov(pixels.T, bias=True), rtol=1e-9
    )
    np.testing.assert_array_equal(
        np.load(prepared / "mean.npy"), statistics.mean_image
    )
    description = json.loads((prepared / "dataset.json").read_text())
    vectors = np.array(description["eigenvectors"])
    np.testing.assert_allclose(
        vectors.T @ np.diag(description["eigenvalues"]) @ vectors,
        statistics.covariance,
        rtol=1e-9,
    )


def test_checksums_are_of_the_files(prepared):
    description = json.loads((prepared / "dataset.json").read_text())
    digests = contents(prepared)
    shards = [s for split in description["splits"].values() for s in split]
    assert len(shards) == 4
    for shard in shards:
        assert digests[shard["file"]] == shard["sha256"]
        assert (prepared / shard["file"]).stat().st_size == shard["bytes"]


@pytest.mark.parametrize(
    ("record_format", "finished_shards"),
    [
        *(("jpeg", 1), slow("jpeg", 3), slow("raw", 2)),
        *(slow("jpeg", 0), slow("jpeg", 2)),
        *(slow("raw", 0), slow("raw", 1), slow("raw", 3)),
    ],
    indirect=["record_format"],
)
def test_what_was_interrupted_ends_the_same(
    plain_folder,
    prepared,
    record_format,
    tmp_path,
    monkeypatch,
    finished_shards,
):
    finish, calls = ShardWriter.finish, []

    def interrupted(writer):
        if len(calls) == finished_shards:
            raise KeyboardInterrupt
        calls.append(writer)
        finish(writer)

    again = tmp_path / "again"
    monkeypatch.setattr(ShardWriter, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(load_folder(plain_folder), again, record_format)
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        load_prepared(again)
    monkeypatch.setattr(ShardWriter, "finish", finish)
    prepare(load_folder(plain_folder), again, record_format)
    assert contents(again) == contents(prepared)


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("record_format", ["jpeg", slow("raw")], indirect=True)
@pytest.mark.slow
def test_a_damaged_shard_is_made_again(
    plain_folder, prepared, record_format, tmp_path, monkeypatch
):
    again = tmp_path / "again"
    with monkeypatch.context() as patch:
        patch.setattr(
            prepare_module._Preparation, "_write_description", interrupt
        )
        with pytest.raises(KeyboardInterrupt):
            prepare(load_folder(plain_folder), again, record_format)
    shard = sorted(again.glob("train-*"))[1]
    shard.write_bytes(shard.read_bytes()[:-5])
    prepare(load_folder(plain_folder), again, record_format)
    assert contents(again) == contents(prepared)


KILLED = """
import os, signal, sys
from alexnet_tf.data.sources.folder import load_folder
import dataclasses
import tensorflow as tf
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.writer import prepare
FORMATS["jpeg"] = dataclasses.replace(FORMATS["jpeg"], shard_size=32)
written = []
class Killed(tf.io.TFRecordWriter):
    def write(self, record):
        written.append(record)
        if len(written) == 50:
            self.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(record)
tf.io.TFRecordWriter = Killed
prepare(load_folder(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("record_format", ["jpeg"], indirect=True)
@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_shard(plain_folder, prepared, tmp_path):
    again = tmp_path / "again"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(plain_folder), str(again)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert list(again.glob(".train-*")), "killed while writing"
    prepare(load_folder(plain_folder), again, "jpeg")
    assert contents(again) == contents(prepared)


LIMITED = """
import resource, sys
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError
from alexnet_tf.data.prepared.writer import prepare
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    prepare(load_folder(sys.argv[1]), sys.argv[2])
except UserError as error:
    print("refused:", error)
"""


@pytest.mark.slow
def test_a_file_that_cannot_grow_is_one_clear_line(
    plain_folder, tmp_path, small_shards
):
    folder = tmp_path / "prepared"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(plain_folder), str(folder), "9999"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    [line] = [x for x in done.stdout.splitlines() if x.startswith("refused")]
    assert "cannot be written" in line
    assert "the same command goes on" in line
    assert not list(folder.glob("train-*"))


def test_a_folder_that_cannot_be_made(plain_folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        prepare(load_folder(plain_folder), tmp_path / "file" / "prepared")


def odd_files(as_file):
    """{name: (bytes, why it is rejected or None)}."""
    exif = Image.Exif()
    exif[0x0112] = 6
    sixteen = Image.fromarray(
        np.arange(90 * 120, dtype=np.uint16).reshape(90, 120) * 6
    )
    whole = as_file(picture(1), "JPEG")
    no_image = "not a JPEG, PNG, GIF, BMP or WebP image that can be decoded"
    thin = Image.new("RGB", (1000, 10))
    return {
        "cmyk.jpg": (as_file(picture(2).convert("CMYK"), "JPEG"), None),
        "grey.jpg": (as_file(picture(3).convert("L"), "JPEG"), None),
        "turned.jpg": (as_file(picture(4), "JPEG", exif=exif), None),
        "16-bit.png": (as_file(sixteen, "PNG"), None),
        "png-named.jpg": (as_file(picture(5), "PNG"), None),
        "truncated.jpg": (whole[: len(whole) // 2], no_image),
        "empty.jpg": (b"", no_image),
        "text.png": (b"no image at all", no_image),
        "thin.png": (as_file(thin, "PNG"), "one side is over 20 times"),
        "gigantic.png": (
            as_file(Image.new("1", (9000, 7500)), "PNG"),
            "more than 65,000,000 pixels",
        ),
    }


def test_odd_files_are_converted_or_listed(tmp_path, plain_folder, as_file):
    root = tmp_path / "images"
    odd = odd_files(as_file)
    for name in ("cat", "dog"):
        (root / "train" / name).mkdir(parents=True)
        (root / "val" / name).mkdir(parents=True)
        picture(7).save(root / "val" / name / "ok.png")
    picture(8).save(root / "train" / "dog" / "ok.png")
    for name, (data, _) in odd.items():
        (root / "train" / "cat" / name).write_bytes(data)
    folder = tmp_path / "prepared"
    with pytest.raises(UserError, match=r"5 of 13 .* --max_rejected=0\.38"):
        prepare(load_folder(root), folder, "raw")
    result = prepare(load_folder(root), folder, "raw", max_rejected=0.39)
    assert result.rejected == 5
    assert result.records == {"train": 6, "validation": 2}
    with open(folder / "rejected.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    rejected = {pathlib.Path(row["name"]).name: row["reason"] for row in rows}
    assert {row["split"] for row in rows} == {"train"}
    assert rejected.keys() == {n for n, (_, why) in odd.items() if why}
    for name, reason in rejected.items():
        assert odd[name][1] in reason
    source = load_prepared(folder)
    found = {r.tobytes() for r, _ in records_of(source, source.train).values()}
    for data in (data for data, why in odd.values() if not why):
        assert to_record(decode(data)).numpy().tobytes() in found


def test_another_set_in_the_folder_is_left_alone(
    plain_folder, prepared, record_format, tmp_path
):
    before = contents(prepared)
    with pytest.raises(UserError, match="holds a complete set"):
        prepare(load_folder(plain_folder), prepared, record_format)
    assert contents(prepared) == before


def test_another_preparation_is_not_continued(
    plain_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(ShardWriter, "finish", interrupt)
    folder = tmp_path / "prepared"
    with pytest.raises(KeyboardInterrupt):
        prepare(load_folder(plain_folder), folder, "jpeg")
    with pytest.raises(UserError, match="record_format differ"):
        prepare(load_folder(plain_folder), folder, "raw")
