"""Reading a prepared set: orders, crops and refusals."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.description import read_description
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.reader import load_prepared, shards_of
from alexnet_tf.data.prepared.shards import Shards
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from tests.slow import slow

COUNT = 100


@pytest.fixture(scope="module", params=["jpeg", slow("raw")])
def folder(request, tmp_path_factory, source_of_noise):
    """A set of 100 images, in seven shards a split."""
    path = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        small = dataclasses.replace(FORMATS[request.param], shard_size=16)
        patch.setitem(FORMATS, request.param, small)
        patch.setattr("alexnet_tf.data.statistics.BATCH", 16)
        patch.setattr("alexnet_tf.data.prepared.encoding.BATCH", 16)
        patch.setattr("alexnet_tf.data.prepared.writer.BATCH", 16)
        prepare(source_of_noise, path, request.param)
    return path


@pytest.fixture(scope="module")
def source_of_noise():
    return noise(COUNT, ("even", "odd"))


def noise(count, class_names):
    """A source of noisy images, both splits the same."""
    from alexnet_tf.data.image_set import Source, table_split

    random = np.random.default_rng(0)
    tiles = random.integers(0, 256, (count, 16, 16, 3), np.uint8)
    images = tiles.repeat(16, axis=1).repeat(16, axis=2)
    ids = np.arange(count, dtype=np.int64)
    split = table_split(
        {"id": ids, "image": images, "label": ids % len(class_names)},
        lambda i: f"image {i}",
    )
    return Source(
        name="noise",
        class_names=class_names,
        train=split,
        validation=split,
        decode=lambda image: image,
        fingerprint="noise",
        licence="None.",
    )


def ids_of(examples):
    return [int(example["id"]) for example in examples]


def test_every_image_once_in_the_same_order(folder):
    first, second = (
        ids_of(load_prepared(folder).validation.examples) for _ in range(2)
    )
    assert first == second
    assert sorted(first) == list(range(COUNT))


def test_the_reading_order_is_a_function_of_the_seed(folder):
    reordered = load_prepared(folder).train.reordered
    first, same, other = (
        ids_of(reordered(tf.constant(seed, tf.int64))) for seed in (1, 1, 2)
    )
    assert first == same != other
    assert sorted(first) == sorted(other) == list(range(COUNT))


def test_an_epoch_mixes_shards_beyond_the_buffer(folder):
    source = load_prepared(folder)
    records = Records(source, source.train, cache_gb=0)
    shards = {}
    description = read_description(folder)
    for i, shard in enumerate(shards_of(folder, description)["train"].shards):
        alone = Shards([shard], FORMATS[description.format])
        shards |= dict.fromkeys(ids_of(alone.examples()), i)
    order = ids_of(records.shuffled(tf.constant(5, tf.int64), buffer=4))
    assert sorted(order) == list(range(COUNT))
    # A buffer of 4 alone would leave 16 of one shard together.
    assert len({shards[i] for i in order[:16]}) >= 5


@pytest.mark.parametrize("epoch", [0, 3])
def test_crops_are_windows_of_the_whole_record(folder, epoch):
    """Cached records are decoded whole, others by the window."""
    source = load_prepared(folder)
    is_jpeg = (
        json.loads((folder / "dataset.json").read_text())["format"] == "jpeg"
    )
    views = []
    for cache_gb in (0, 1):
        records = Records(source, source.train, cache_gb)
        seed = tf.constant(epoch, tf.int64)
        views.append(
            {
                int(example["id"]): records.random_crop(example, 224).numpy()
                for example in records.shuffled(seed, 8)
            }
        )
    assert views[0].keys() == views[1].keys()
    for number, view in views[0].items():
        # JPEG's colours are interpolated; at a window's edge from less.
        edge = 1 if is_jpeg else 0
        inside = slice(edge, 224 - edge)
        np.testing.assert_array_equal(
            view[:, inside], views[1][number][:, inside]
        )


def test_resized_crops_do_not_depend_on_the_cache(folder):
    source = load_prepared(folder)
    first, second = (
        stream_of(Records(source, source.train, cache_gb), 0, 0, crop_scale=0.3)
        .take(1)
        .get_single_element()
        for cache_gb in (0, 1)
    )

    # The order is another one where records are cached: one image of both.
    def crops(batch):
        return {image.tobytes() for image in batch[0].numpy()}

    assert crops(first) & crops(second)


def stream_of(records, epoch, step, **share):
    return TrainingBatches(
        records, 20, crop=200, seed=9, shuffle_buffer=32, **share
    ).stream(epoch, step)


def test_batches_are_a_function_of_seed_and_epoch(folder):
    def batches(epoch, step):
        source = load_prepared(folder)
        records = Records(source, source.train, cache_gb=0)
        stream = stream_of(records, epoch, step)
        return [images.numpy() for images, _ in stream.take(3)]

    first, again = batches(2, 0), batches(2, 0)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[1:], batches(2, 1)[:2])
    assert not np.array_equal(first[0], batches(3, 0)[0])


@pytest.mark.parametrize("workers", [2, slow(5)])
def test_the_workers_batches_are_together_those_of_one(folder, workers):
    source = load_prepared(folder)
    records = Records(source, source.train, cache_gb=0)

    def batches(worker=0, workers=1):
        stream = stream_of(records, 1, 2, worker=worker, workers=workers)
        return [images.numpy() for images, _ in stream.take(5)]

    alone = batches()
    shares = [batches(worker, workers) for worker in range(workers)]
    for step, whole in enumerate(alone):
        together = np.stack([share[step] for share in shares], axis=1)
        assert together.shape[1] == workers
        np.testing.assert_array_equal(together.reshape(whole.shape), whole)


def test_the_name_of_a_record(folder):
    name = load_prepared(folder).train.name_of(3)
    assert "train" in name
    assert "3" in name


def test_without_a_set(tmp_path):
    with pytest.raises(UserError, match="--mode=prepare"):
        load_prepared(tmp_path)
    with pytest.raises(UserError, match="--data_dir"):
        load_prepared(None)


@pytest.fixture
def copy(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_a_missing_shard(copy):
    sorted(copy.glob("train-*"))[2].unlink()
    with pytest.raises(UserError, match=r"train-00002-of-00007.* is missing"):
        load_prepared(copy)


def test_a_cut_shard(copy):
    shard = sorted(copy.glob("validation-*"))[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"validation-00000.* bytes long"):
        load_prepared(copy)


def test_a_label_without_a_class(tmp_path):
    prepare(noise(6, ("a", "b", "c")), tmp_path, "jpeg")
    file = tmp_path / "dataset.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps({**values, "class_names": ["a", "b"]}))
    with pytest.raises(UserError, match=r"label 2, .* lists 2 classes"):
        load_prepared(tmp_path)


def test_another_version_and_damage(copy):
    file = copy / "dataset.json"
    description = json.loads(file.read_text())
    file.write_text(json.dumps({**description, "version": 99}))
    with pytest.raises(UserError, match="version 99"):
        load_prepared(copy)
    file.write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        load_prepared(copy)
