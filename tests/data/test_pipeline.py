"""Order, completeness and repeatability of the batches."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.pipeline import TrainingBatches, centre_crop_batches
from alexnet_tf.data.records import Records
from tests.slow import slow

COUNT, BATCH, CROP = 11, 4, 224
STEPS = 2  # 11 // 4; three images are left over
CACHE_GB = {"cached": 1.0, "uncached": 0.0}


@pytest.fixture(params=CACHE_GB)
def records(request, source_of, coded_records):
    source = source_of(coded_records(COUNT))
    return Records(source, source.train, CACHE_GB[request.param])


def batches_of(records, seed=0, batch=BATCH, buffer=5, **options):
    return TrainingBatches(
        records,
        batch,
        crop=CROP,
        seed=seed,
        shuffle_buffer=buffer,
        **options,
    )


def collect(dataset, steps):
    """Images and labels of the first batches, stacked."""
    pairs = list(dataset.take(steps).as_numpy_iterator())
    return tuple(np.concatenate(part) for part in zip(*pairs, strict=True))


def numbers(images):
    """Which records the crops are of."""
    return images[:, 0, 0, 2].astype(int)


def epochs(batches, count):
    """[count, images an epoch]: the records' numbers, in order."""
    images, _ = collect(batches.stream(), count * batches.steps_per_epoch)
    return numbers(images).reshape(count, -1)


def assert_same_stream(dataset, images, labels):
    steps = len(images) // BATCH
    other_images, other_labels = collect(dataset, steps)
    np.testing.assert_array_equal(other_images, images)
    np.testing.assert_array_equal(other_labels, labels)


def test_batches_have_a_fixed_shape(records):
    batches = batches_of(records)
    assert batches.steps_per_epoch == STEPS
    images, labels = batches.stream().element_spec
    assert images.shape == (BATCH, CROP, CROP, 3)
    assert images.dtype == tf.uint8
    assert labels.shape == (BATCH,)
    assert labels.dtype == tf.int64


def test_an_epoch_visits_each_record_at_most_once(records):
    orders = epochs(batches_of(records), 12)
    for order in orders:
        assert len(set(order)) == STEPS * BATCH
    # What is left over differs from epoch to epoch.
    assert set(orders.ravel()) == set(range(COUNT))


@pytest.mark.parametrize("buffer", [1, 5, 100])
@pytest.mark.parametrize("batch", [1, 11, 500])
def test_without_a_remainder_an_epoch_is_complete(records, batch, buffer):
    batches = batches_of(records, batch=batch, buffer=buffer)
    assert batches.batch_size == min(batch, COUNT)  # 500 shrinks
    assert batches.steps_per_epoch == COUNT // batches.batch_size
    np.testing.assert_array_equal(
        np.sort(epochs(batches, 3)), [range(COUNT)] * 3
    )


def test_orders_differ_between_epochs_and_seeds(records):
    orders = [
        tuple(order)
        for seed in (0, 1, 2)
        for order in epochs(batches_of(records, seed=seed), 3)
    ]
    assert len(set(orders)) == 9
    assert tuple(sorted(orders[0])) != orders[0]


def test_labels_stay_with_their_images(records):
    images, labels = collect(batches_of(records).stream(), 10)
    np.testing.assert_array_equal(labels, numbers(images) % 2)


def test_every_use_of_a_record_has_its_own_crop(records):
    batches = batches_of(records, batch=COUNT)
    images, _ = collect(batches.stream(), 4)
    crops = {
        (int(number), *map(int, image[0, 0, :2]), int(image[0, -1, 1]))
        for number, image in zip(numbers(images), images, strict=True)
    }
    # 44 draws of 2178 windows repeat one within a record once in 30 runs.
    assert len(crops) >= 43
    assert len({crop[1:] for crop in crops}) >= 40


def views(images):
    """Place of each crop, and which end of its rows came first."""
    return [(*map(int, i[0, 0, :2]), int(i[0, -1, 1])) for i in images]


def test_images_that_follow_each_other_share_a_crop(records):
    images, labels = collect(
        batches_of(records, crop_shared_by=3).stream(), 20 * STEPS
    )
    in_epochs = np.array(views(images)).reshape(20, STEPS * BATCH, 3)
    shared = set()
    for epoch in in_epochs:
        for group in (epoch[:3], epoch[3:6], epoch[6:]):
            [view] = set(map(tuple, group))
            shared.add(view)
    # 60 draws of 2178 windows.
    assert len(shared) > 55
    # The order of the images is the same as ever.
    alone, other_labels = collect(batches_of(records).stream(), 20 * STEPS)
    np.testing.assert_array_equal(numbers(images), numbers(alone))
    np.testing.assert_array_equal(labels, other_labels)


RESIZED = {"crop_scale": 0.3, "crop_ratio": 1.5}
OTHER_CROPS = pytest.mark.parametrize(
    "crops", [slow({"crop_shared_by": 3}), RESIZED]
)


@OTHER_CROPS
@pytest.mark.parametrize(("epoch", "step"), [(0, 1), (1, 0), (2, 1)])
def test_other_crops_go_on_where_a_stream_was_left(records, crops, epoch, step):
    batches = batches_of(records, **crops)
    images, labels = collect(batches.stream(), 4 * STEPS)
    skipped = (epoch * STEPS + step) * BATCH
    assert_same_stream(
        batches.stream(epoch, step), images[skipped:], labels[skipped:]
    )


@OTHER_CROPS
def test_workers_crop_as_one_worker_does(records, crops):
    images, _ = collect(batches_of(records, **crops).stream(), 3 * STEPS)
    for worker in range(2):
        own = batches_of(records, **crops, worker=worker, workers=2)
        theirs, _ = collect(own.stream(), 3 * STEPS)
        np.testing.assert_array_equal(theirs, images[worker::2])


def test_without_augmentation_all_are_centre_crops(records, coded_records):
    images, _ = collect(batches_of(records, augment=False).stream(), 4 * STEPS)
    centres = coded_records(COUNT)[:, 16:240, 16:240]
    np.testing.assert_array_equal(images, centres[numbers(images)])


@pytest.mark.parametrize(
    ("epoch", "step"), [(0, 0), (0, 1), (0, STEPS), (1, 0), (2, 1), (3, 0)]
)
def test_a_stream_continues_where_it_was_left(records, epoch, step):
    batches = batches_of(records)
    images, labels = collect(batches.stream(), 4 * STEPS)
    skipped = (epoch * STEPS + step) * BATCH
    assert_same_stream(
        batches.stream(epoch, step), images[skipped:], labels[skipped:]
    )


def test_a_stream_does_not_depend_on_threads(records, monkeypatch):
    images, labels = collect(batches_of(records).stream(), 3 * STEPS)
    monkeypatch.setattr(tf.data, "AUTOTUNE", 1)
    assert_same_stream(batches_of(records).stream(), images, labels)


def test_the_seed_decides(records):
    images, labels = collect(batches_of(records, seed=3).stream(), STEPS)
    again = batches_of(records, seed=3).stream()
    assert_same_stream(again, images, labels)
    other, _ = collect(batches_of(records, seed=4).stream(), STEPS)
    assert (other != images).any()


@pytest.mark.parametrize(("kind", "uses"), [("cached", 1), ("uncached", 4)])
def test_cached_images_are_decoded_once(source_of, coded_records, kind, uses):
    decoded = []

    def decode(image):
        def count(image):
            decoded.append(int(image[0, 0, 2]))
            return image

        image = tf.numpy_function(count, [image], tf.uint8, stateful=True)
        return tf.ensure_shape(image, [256, 256, 3])

    source = source_of(coded_records(COUNT), decode)
    records = Records(source, source.train, CACHE_GB[kind])
    list(records.dataset())
    stream = batches_of(records, batch=COUNT).stream()
    list(itertools.islice(stream, 3))
    counts = np.bincount(decoded)
    if kind == "cached":
        np.testing.assert_array_equal(counts, [uses] * COUNT)
    else:  # prefetching may have begun a further epoch
        assert counts.min() >= uses


@pytest.mark.parametrize("batch", [1, 4, 11, 50])
def test_centre_crops_come_once_and_in_order(records, coded_records, batch):
    dataset = centre_crop_batches(records, batch, CROP)
    sizes = [len(labels) for _, labels in dataset]
    full, rest = divmod(COUNT, batch)
    assert sizes == [batch] * full + ([rest] if rest else [])
    assert dataset.cardinality() == len(sizes)
    images, labels = collect(dataset, -1)
    np.testing.assert_array_equal(
        images, coded_records(COUNT)[:, 16:240, 16:240]
    )
    np.testing.assert_array_equal(labels, np.arange(COUNT) % 2)
    assert images.dtype == np.uint8


def test_no_dataset_waits_for_the_tuner_at_its_end(records):
    datasets = [
        batches_of(records).stream(),
        centre_crop_batches(records, BATCH, CROP),
        records.dataset().batch(2).prefetch(1),
    ]
    for dataset in datasets:
        assert dataset.options().autotune.enabled is False
