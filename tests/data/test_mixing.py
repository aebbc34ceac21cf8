"""Every source mixes its classes in every batch, above each limit too.

The oracle is a full shuffle of the labels by numpy: how many classes a batch
has, and how many images of each.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split, is_in_class_order, subset
from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.imagenet_tars import load_imagenet_tars
from alexnet_tf.data.sources.tfds import load_tfds
from tests.data import imagenet_layout
from tests.slow import slow

CLASSES, EACH, BATCH = 8, 20, 16
BUFFER = 24  # a class and a little
COUNT = CLASSES * EACH
LABELS = np.repeat(np.arange(CLASSES), EACH)


def pixels_of(number):
    """A small image that tells which one it is."""
    image = np.zeros([8, 8, 3], np.uint8)
    image[..., 0] = number
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("sorted")
    for number, label in enumerate(LABELS):
        path = root / f"train/{label}/{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        png = tf.io.encode_png(pixels_of(number)).numpy()
        path.write_bytes(png)
    return root


@pytest.fixture(scope="module")
def tfds_folder(tmp_path_factory):
    """A set that TFDS keeps in the order in which it was written."""
    import tensorflow_datasets as tfds

    def info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 3)),
                    "label": tfds.features.ClassLabel(num_classes=CLASSES),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def generate(self):
        for number, label in enumerate(LABELS):
            yield number, {"image": pixels_of(number), "label": int(label)}

    builder = type(
        "InClassOrder",
        (tfds.core.GeneratorBasedBuilder,),
        {
            "VERSION": tfds.core.Version("1.0.0"),
            "_info": info,
            "_split_generators": lambda self, _: {"train": generate(self)},
            "_generate_examples": generate,
        },
        skip_registration=True,
    )
    data_dir = tmp_path_factory.mktemp("tfds")
    builder(data_dir=data_dir).download_and_prepare(
        download_config=tfds.download.DownloadConfig(num_shards=5)
    )
    return str(data_dir)


@pytest.fixture(scope="module")
def tars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tars")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imagenet_layout, "PER_CLASS", EACH)
        imagenet_layout.build(folder)
    return folder


def prepared_in_order(folder, record_format):
    """A prepared set whose records lie in class order, in four shards."""
    examples = tf.data.Dataset.from_tensor_slices(
        {
            "id": np.arange(COUNT, dtype=np.int64),
            "image": np.array([pixels_of(i) for i in range(COUNT)]),
            "label": LABELS,
        }
    )
    split = Split(examples=examples, size=COUNT, name_of=str)
    source = Source(
        name="in order",
        class_names=tuple(map(str, range(CLASSES))),
        train=split,
        validation=None,
        decode=lambda image: image,
        fingerprint="in order",
        licence="None.",
    )
    with pytest.MonkeyPatch.context() as patch:
        small = dataclasses.replace(FORMATS[record_format], shard_size=40)
        patch.setitem(FORMATS, record_format, small)
        patch.setattr("alexnet_tf.data.prepared.encoding.BATCH", 8)
        patch.setattr("alexnet_tf.data.prepared.writer.BATCH", 8)
        prepare(source, folder, record_format)
    return folder


@pytest.fixture(scope="module")
def jpegs_in_order(tmp_path_factory):
    return prepared_in_order(tmp_path_factory.mktemp("jpeg"), "jpeg")


@pytest.fixture(scope="module")
def raw_in_order(tmp_path_factory):
    return prepared_in_order(tmp_path_factory.mktemp("raw"), "raw")


def part_of_embedded():
    """Every tenth image, in class order."""
    source = load_embedded()
    is_chosen = np.arange(source.train.size) % 10 == 0
    return dataclasses.replace(source, train=subset(source.train, is_chosen))


SOURCES = ("folder", "tfds", "tars", "jpeg", "raw", "embedded")


# The others share their way of reading.
READ_DIFFERENTLY = pytest.mark.parametrize(
    "open_source", ["folder", slow("tfds"), "raw"], indirect=True
)


@pytest.fixture(
    params=[slow(s) if s in ("tfds", "tars") else s for s in SOURCES]
)
def open_source(request):
    """Function that opens the source anew."""
    opener, fixture = {
        "folder": (load_folder, "folder"),
        "tfds": (lambda path: load_tfds("in_class_order", path), "tfds_folder"),
        "tars": (load_imagenet_tars, "tars"),
        "jpeg": (load_prepared, "jpegs_in_order"),
        "raw": (load_prepared, "raw_in_order"),
        "embedded": (lambda _: part_of_embedded(), None),
    }[request.param]
    path = request.getfixturevalue(fixture) if fixture else None
    return lambda: opener(path)


def stream(source, epoch=0, step=0, **share):
    """(batches, labels of the split) of uncached records."""
    records = Records(source, source.train, cache_gb=0)
    batches = TrainingBatches(
        records,
        BATCH,
        crop=64,
        seed=5,
        shuffle_buffer=BUFFER,
        **share,
    )
    return batches, batches.stream(epoch, step)


def labels_of(dataset, steps):
    """int64 [steps, images of a batch]."""
    return np.array([labels for _, labels in dataset.take(steps)])


def classes_a_batch(batches):
    return [len(set(batch.tolist())) for batch in batches]


def test_batches_have_the_classes_of_a_full_shuffle(open_source):
    source = open_source()
    truth = np.array([int(e["label"]) for e in source.train.examples])
    batches, dataset = stream(source)
    steps = batches.steps_per_epoch
    found = labels_of(dataset, steps)
    random = np.random.default_rng(0)
    expected = [
        classes_a_batch(
            random.permutation(truth)[: steps * BATCH].reshape(steps, BATCH)
        )
        for _ in range(300)
    ]
    means = np.mean(expected, axis=1)
    mean = np.mean(classes_a_batch(found))
    assert abs(mean - means.mean()) < 4 * means.std()
    # The first half of an epoch has as much of each class as the second.
    half = found[: steps // 2].ravel()
    counts = np.bincount(half, minlength=truth.max() + 1)
    shares = np.bincount(truth) / len(truth)
    deviation = np.sqrt(len(half) * shares * (1 - shares) / 2)
    present = shares > 0
    distance = np.abs(counts - len(half) * shares)[present]
    assert (distance <= 4 * deviation[present] + 1).all()


def test_without_the_mixing_classes_come_in_blocks(tfds_folder):
    """What the tests above measure can be told from a full shuffle."""
    source = load_tfds("in_class_order", tfds_folder)
    never = dataclasses.replace(source.train, in_class_order=lambda: False)
    _, dataset = stream(dataclasses.replace(source, train=never))
    blocks = classes_a_batch(labels_of(dataset, 8))
    _, dataset = stream(source)
    mixed = classes_a_batch(labels_of(dataset, 8))
    assert np.mean(mixed) > np.mean(blocks) + 1


def images_of(dataset, steps):
    return np.array([images for images, _ in dataset.take(steps)])


@pytest.mark.parametrize(
    "open_source",
    [
        slow("folder"),
        slow("tfds"),
        "raw",
    ],
    indirect=True,
)
@pytest.mark.slow
def test_the_order_is_exact(open_source):
    """A function of seed and epoch; from any step on; shared by workers."""
    steps = 2
    _, whole = stream(open_source(), epoch=1, step=2)
    images = images_of(whole, steps)
    _, earlier = stream(open_source(), epoch=1)
    np.testing.assert_array_equal(images_of(earlier.skip(2), steps), images)
    shares = [
        images_of(
            stream(open_source(), 1, 2, worker=worker, workers=2)[1], steps
        )
        for worker in range(2)
    ]
    np.testing.assert_array_equal(images[:, 0::2], shares[0])
    np.testing.assert_array_equal(images[:, 1::2], shares[1])
    _, other = stream(open_source(), epoch=2)
    assert not np.array_equal(images_of(other, 1), images_of(earlier, 1))


@READ_DIFFERENTLY
def test_an_epoch_has_every_image_once_and_its_label(open_source):
    source = open_source()
    records = Records(source, source.train, cache_gb=0)
    expected = sorted(
        (
            record["image"].numpy()[16:240, 16:240].tobytes(),
            int(record["label"]),
        )
        for record in records.dataset()
    )
    batches = TrainingBatches(
        records, 4, crop=224, seed=0, shuffle_buffer=BUFFER, augment=False
    )
    found = sorted(
        (image.tobytes(), int(label))
        for images, labels in batches.stream().take(batches.steps_per_epoch)
        for image, label in zip(images.numpy(), labels, strict=True)
    )
    assert found == expected


@pytest.mark.parametrize("chances", [[0.5, 0.5], [0.9, 0.1], [0.01] * 100])
def test_a_shuffled_set_is_not_taken_for_a_sorted_one(chances):
    random = np.random.default_rng(1)
    for _ in range(50):
        labels = random.choice(len(chances), 1024, p=chances)
        assert not is_in_class_order([labels])
        assert is_in_class_order([np.sort(labels)])


def test_damaged_records_keep_the_others_in_order(raw_in_order, tmp_path):
    """Also where a set in class order has been arranged as a table."""
    for file in raw_in_order.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())

    def order(left_out):
        source = load_prepared(tmp_path, whole=False)
        records = Records(source, source.train, cache_gb=0)
        records.mix(BUFFER)
        records.leave_out_damaged(left_out)
        shuffled = records.shuffled(tf.constant(3, tf.int64), BUFFER)
        return [int(example["id"]) for example in shuffled]

    before = order([])
    assert sorted(before) == list(range(COUNT))
    shard = sorted(tmp_path.glob("train-*"))[2]
    shard.unlink()
    lost = set(range(80, 120))
    assert order(lost) == [number for number in before if number not in lost]
