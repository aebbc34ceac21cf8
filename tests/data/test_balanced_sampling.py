"""As many images of each class in every epoch, against loops in numpy."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split, table_split
from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.records import Records, balanced_times
from alexnet_tf.errors import UserError
from tests.slow import slow

SIZES = (23, 9, 3, 1)
LABELS = np.repeat([2, 0, 5, 3], SIZES).astype(np.int64)
COUNT = len(LABELS)
BATCH = 6


def source_of_numbers(has_table=True):
    """Records that tell their number, row and column."""
    rows, columns = np.mgrid[:256, :256].astype(np.uint8)
    table = {"id": np.arange(COUNT), "image": np.arange(COUNT), "label": LABELS}
    split = table_split(table, str)
    if not has_table:
        split = Split(examples=split.examples, size=COUNT, name_of=str)

    def decode(number):
        number = tf.fill([256, 256], tf.cast(number, tf.uint8))
        return tf.stack([rows, columns, number], axis=-1)

    return Source(
        name="made-up",
        class_names=tuple("abcdef"),
        train=split,
        validation=split,
        decode=decode,
        fingerprint="made-up",
        licence="None.",
    )


KINDS = {"table": (True, 0), "cached table": (True, 1), "cached": (False, 1)}


@pytest.fixture(params=["table", "cached", slow("cached table")])
def records(request):
    has_table, cache_gb = KINDS[request.param]
    source = source_of_numbers(has_table)
    return Records(source, source.train, cache_gb)


def batches_of(records, **options):
    options = {
        "crop": 64,
        "seed": 3,
        "shuffle_buffer": 5,
        "balanced": True,
    } | options
    return TrainingBatches(records, BATCH, **options)


def taken(batches, epoch=0, step=0, count=COUNT // BATCH):
    """(crops, labels) of some batches, joined."""
    stream = batches.stream(epoch, step).take(count)
    crops, labels = zip(*stream.as_numpy_iterator(), strict=True)
    return np.concatenate(crops), np.concatenate(labels)


def assert_even(numbers):
    """Classes and the images of each come as often, or once more."""
    of_class = collections.Counter(LABELS[numbers].tolist())
    assert max(of_class.values()) - min(of_class.values()) <= 1
    assert len(of_class) == len(SIZES)
    for label in of_class:
        images = np.flatnonzero(np.equal(LABELS, label))
        times = np.bincount(numbers, minlength=COUNT)[images]
        assert np.ptp(times) <= 1


def test_an_epoch_has_as_many_of_each_class(records):
    batches = batches_of(records)
    seen = []
    for epoch in range(3):
        crops, labels = taken(batches, epoch)
        numbers = crops[:, 0, 0, 2]
        np.testing.assert_array_equal(LABELS[numbers], labels)
        assert len(numbers) == COUNT
        assert_even(numbers)
        seen.append(set(numbers[labels == 2].tolist()))
    # Of the large class other images come in other epochs.
    assert len(seen[0] | seen[1] | seen[2]) > len(seen[0]) == COUNT // 4


def test_an_image_that_comes_again_has_another_crop(records):
    crops, _ = taken(batches_of(records))
    only = crops[crops[:, 0, 0, 2] == COUNT - 1]  # the class of one image
    assert len(only) == COUNT // 4
    assert len({crop.tobytes() for crop in only}) == len(only)


@pytest.mark.parametrize(
    ("epoch", "step"), [slow(0, 1), slow(0, 5), slow(1, 0), (2, 3)]
)
def test_a_stream_goes_on_where_it_was_left(records, epoch, step):
    whole, labels = taken(batches_of(records), count=18)
    again, again_labels = taken(batches_of(records), epoch, step, 3)
    begin = (epoch * 6 + step) * BATCH
    end = begin + 3 * BATCH
    np.testing.assert_array_equal(again, whole[begin:end])
    np.testing.assert_array_equal(again_labels, labels[begin:end])


@pytest.mark.parametrize("workers", [slow(2), 3])
def test_workers_see_together_what_one_would(records, workers):
    whole, labels = taken(batches_of(records), count=9)
    for worker in range(workers):
        batches = batches_of(records, worker=worker, workers=workers)
        own, own_labels = taken(batches, count=9)
        np.testing.assert_array_equal(own, whole[worker::workers])
        np.testing.assert_array_equal(own_labels, labels[worker::workers])


def test_all_kinds_of_records_draw_the_same_images():
    found = []
    for has_table, cache_gb in KINDS.values():
        source = source_of_numbers(has_table)
        records = Records(source, source.train, cache_gb)
        crops, _ = taken(batches_of(records))
        found.append(sorted(crops[:, 0, 0, 2].tolist()))
    assert found[0] == found[1] == found[2]


def test_what_is_left_out_is_not_drawn(records):
    gone = [0, 1, 2, 25, COUNT - 1]
    records.leave_out(np.array(gone[:3]))
    batches = batches_of(records)
    records.leave_out_damaged(gone[3:])
    crops, _ = taken(batches)
    assert not set(crops[:, 0, 0, 2].tolist()) & set(gone)


@pytest.mark.parametrize("sizes", [(5,), (1, 1), (100, 3, 1), (7,) * 30])
@pytest.mark.parametrize("seed", [0, 1, 2**62])
def test_times_are_even(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)) * 3, sizes)
    random = np.random.default_rng(seed)
    random.shuffle(labels)
    times = balanced_times(
        tf.constant(labels, tf.int64), tf.constant(seed, tf.int64)
    ).numpy()
    assert times.sum() == len(labels)
    quotas = [times[labels == label].sum() for label in np.unique(labels)]
    assert np.ptp(quotas) <= 1
    for label in np.unique(labels):
        assert np.ptp(times[labels == label]) <= 1


@pytest.mark.slow
def test_no_class_and_no_image_is_preferred():
    """Over many epochs; 5 deviations of a binomial distribution."""
    labels = tf.constant(LABELS[:-1])  # 35 images of 3 classes
    epochs = 600
    total = sum(
        balanced_times(labels, tf.constant(seed, tf.int64)).numpy()
        for seed in range(epochs)
    )
    for label, size in zip((2, 0, 5), SIZES, strict=False):
        expected = epochs * 35 / 3 / size
        share = expected / epochs % 1
        width = 5 * np.sqrt(epochs * max(share * (1 - share), 0.25))
        found = total[LABELS[:-1] == label]
        assert abs(found - expected).max() < width


@pytest.mark.slow
def test_a_prepared_set(tmp_path, image_folder):
    from alexnet_tf.data.sources.folder import load_folder

    root = image_folder({"train/a": 12, "train/b": 2, "train/c": 4})
    prepare(load_folder(root), tmp_path / "prepared", "raw")
    source = load_prepared(tmp_path / "prepared")
    records = Records(source, source.train, cache_gb=0)
    batches = batches_of(records)
    _, labels = taken(batches, count=3)
    assert np.bincount(labels).tolist() == [6, 6, 6]


def test_what_comes_one_after_the_other_is_refused():
    source = source_of_numbers(has_table=False)
    records = Records(source, source.train, cache_gb=0)
    with pytest.raises(UserError, match="--mode=prepare") as error:
        batches_of(records)
    assert "\n" not in str(error.value)
