"""Which records of a damaged set are lost, and which are not."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.damage import DamageLog, read_damaged
from alexnet_tf.data.image_set import Source, table_split
from alexnet_tf.data.prepared.format import FORMATS, RAW_BYTES
from alexnet_tf.data.prepared.inspection import inspect_prepared
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.tfds import load_tfds
from alexnet_tf.data.tfrecord_frames import record_offsets
from alexnet_tf.errors import UserError

RANDOM = np.random.default_rng(5)
RECORDS = [RANDOM.bytes(int(n)) for n in RANDOM.integers(0, 300, 40)]


@pytest.fixture
def tfrecord(tmp_path):
    path = tmp_path / "some.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    return path


def begins():
    """Offsets by TFRecord's definition: 12 bytes before, 4 bytes behind."""
    sizes = [len(record) + 16 for record in RECORDS]
    return [0, *np.cumsum(sizes[:-1]).tolist()]


def overwrite(path, place, data):
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)


def test_offsets_of_a_sound_file(tfrecord):
    assert record_offsets(tfrecord, len(RECORDS)) == begins()


@pytest.mark.parametrize("place", [0, 5, 11])
def test_a_damaged_length_costs_one_record(tfrecord, place):
    """Of 40; the length, or its checksum, of record 7."""
    overwrite(tfrecord, begins()[7] + place, b"\xa5")
    found = record_offsets(tfrecord, len(RECORDS))
    # It is not known to be unreadable; all others are where they were.
    expected = begins()
    assert [a for a in found if a is not None and a != expected[7]] == [
        a for a in expected if a != expected[7]
    ]
    assert len(found) == len(RECORDS)


@pytest.mark.parametrize("records", [0, 1, 17, 39])
def test_a_cut_file_keeps_what_is_whole(tfrecord, records):
    """Cut in the header of the record behind."""
    with open(tfrecord, "r+b") as file:
        file.truncate(begins()[records] + 6)
    found = record_offsets(tfrecord, len(RECORDS))
    assert found[:records] == begins()[:records]
    assert len(found) == len(RECORDS)
    assert all(offset is None for offset in found[records + 1 :])


COUNT, SHARD = 24, 8


@pytest.fixture(scope="module", params=["jpeg", "raw"])
def made(request, tmp_path_factory):
    """A set of 24 images in three shards, without a validation split."""
    name = request.param
    ids = np.arange(COUNT, dtype=np.int64)
    images = np.repeat(ids, 256 * 256 * 3).reshape(-1, 256, 256, 3)
    table = {
        "id": ids,
        "image": (10 * images).astype(np.uint8),
        "label": ids % 2,
    }
    source = Source(
        name="grey",
        class_names=("even", "odd"),
        train=table_split(table, str),
        validation=None,
        decode=lambda image: image,
        fingerprint="grey",
        licence="None.",
    )
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        small = dataclasses.replace(FORMATS[name], shard_size=SHARD)
        patch.setitem(FORMATS, name, small)
        for module in (
            "data.statistics",
            "data.prepared.encoding",
            "data.prepared.writer",
        ):
            patch.setattr(f"alexnet_tf.{module}.BATCH", SHARD)
        prepare(source, folder, name)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy that a test may damage."""
    for file in made.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def open_records(folder):
    source = load_prepared(folder, whole=False)
    return Records(source, source.train, cache_gb=0)


def order(records, seed=3):
    """Ids of an epoch, in order."""
    shuffled = records.shuffled(tf.constant(seed, tf.int64), 4)
    return [int(example["id"]) for example in shuffled]


def newer(path, seconds):
    """Gives a file a time so much later than the set's."""
    time = (path.parent / "dataset.json").stat().st_mtime + seconds
    os.utime(path, (time, time))


@pytest.mark.parametrize(
    "place",
    [RAW_BYTES + 1000, 2 * RAW_BYTES - 64 + 8],
    ids=["pixel", "label"],
)
def test_a_raw_shard_written_later_is_compared(
    folder, place, tmp_path_factory, capsys
):
    shards = sorted(folder.glob("train-*"))
    if shards[0].suffix != ".raw":
        pytest.skip("records of JPEG sets have checksums")
    # Some time ago, so that the set as it is made later is newer.
    newer(folder / "dataset.json", -10)
    for path in shards:
        newer(path, -1)
    number = shards[1].read_bytes()[place]
    overwrite(shards[1], place, bytes([number ^ 1]))

    def found():
        """The numbers that are left out, and what was said."""
        records = open_records(folder)
        file = tmp_path_factory.mktemp("run") / "damaged.csv"
        DamageLog(file, {"train": records}, 0.5).find(rewritten=True)
        return sorted(records.damaged), capsys.readouterr().out

    # Under the old time nobody looks; the mode that compares all does.
    newer(shards[1], -1)
    assert found() == ([], "")
    newer(shards[1], 1)
    numbers, said = found()
    assert numbers == list(range(SHARD, 2 * SHARD))
    assert f"1 shard of train, such as {shards[1]}, written later" in said
    with pytest.raises(UserError, match=r"1 of the .* damaged"):
        inspect_prepared(folder)
    # With the shard as it was, it is compared until all have been.
    overwrite(shards[1], place, bytes([number]))
    newer(shards[1], 1)
    numbers, said = found()
    assert numbers == []
    assert "written later" in said
    inspect_prepared(folder)
    assert found() == ([], "")


def test_the_others_keep_their_order(folder):
    """Also those behind a lost record in the same shard."""
    before = order(open_records(folder))
    assert sorted(before) == list(range(COUNT))
    shards = sorted(folder.glob("train-*"))
    shards[0].unlink()
    with open(shards[1], "r+b") as file:
        file.truncate(int(0.6 * shards[1].stat().st_size))
    records = open_records(folder)
    log = DamageLog(folder / "damaged.csv", {"train": records}, most=0.9)
    assert log.find()
    lost = [
        damaged.number for _, damaged in read_damaged(folder / "damaged.csv")
    ]
    assert lost[:SHARD] == list(range(SHARD))
    assert set(lost[SHARD:]) <= set(range(SHARD, 2 * SHARD))
    assert 3 <= len(lost) - SHARD <= 5
    after = order(records)
    assert len(after) == COUNT - len(lost) == records.left
    assert after == [number for number in before if number in set(after)]
    # A resumed run reads the list and leaves out the same.
    again = open_records(folder)
    log = DamageLog(folder / "damaged.csv", {"train": again}, most=0.9)
    assert order(again) == after
    assert not log.find()


def test_a_flipped_bit_costs_what_its_checksum_covers(folder):
    """A record of a JPEG shard; all of a raw one, which has one checksum."""
    shard = sorted(folder.glob("train-*"))[1]
    middle = shard.stat().st_size // 2
    octet = shard.read_bytes()[middle]
    overwrite(shard, middle, bytes([octet ^ 8]))
    found = open_records(folder).find_damaged()
    assert len(found) == (1 if shard.suffix == ".tfrecord" else SHARD)
    assert {damaged.number // SHARD for damaged in found} == {1}
    assert all(str(shard) in damaged.name for damaged in found)
    assert all("checksum" in damaged.reason for damaged in found)


def test_damage_adds_up_to_the_threshold(folder):
    shards = sorted(folder.glob("train-*"))
    file = folder / "damaged.csv"
    records = open_records(folder)
    log = DamageLog(file, {"train": records}, most=0.5)
    assert not log.find()
    shards[2].unlink()
    assert log.find()
    listed = file.read_bytes()
    shards[0].unlink()
    with pytest.raises(UserError, match=r"16 of 24 .*max_damaged=0\.5") as over:
        log.find()
    assert "\n" not in str(over.value)
    # What is over the threshold is not left out: it may come back.
    assert file.read_bytes() == listed
    assert records.left == COUNT - SHARD


def test_a_split_of_which_nothing_is_left(folder):
    for shard in folder.glob("train-*"):
        shard.unlink()
    records = open_records(folder)
    log = DamageLog(folder / "damaged.csv", {"train": records}, most=1)
    with pytest.raises(UserError, match="no train image is left"):
        log.find()


def test_a_cut_file_of_tfds_is_one_line(imagenet_tfds, tmp_path):
    """Its images are numbered as they come: none may be skipped."""
    copy = shutil.copytree(
        imagenet_tfds / "imagenet2012", tmp_path / "imagenet2012"
    )
    source = load_tfds("imagenet2012:5.*.*", tmp_path)
    records = Records(source, source.train, cache_gb=0)
    assert not records.find_damaged()
    [file, *_] = copy.glob("*/*-train.*")
    with open(file, "r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    with pytest.raises(UserError, match="cannot be read any more") as refused:
        records.find_damaged()
    assert "\n" not in str(refused.value)
