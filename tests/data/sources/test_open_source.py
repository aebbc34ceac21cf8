"""The sources: shipped images, folders, TFDS; hold-out and limit."""

import socket
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy import stats

from alexnet_tf.data.image_set import Split, select
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.embedded import IMAGES, load_embedded
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.open_source import load_source
from alexnet_tf.data.sources.tfds import load_tfds
from alexnet_tf.errors import UserError


def data_config(**changes):
    from configs import paper

    data = paper.get_config().data
    data.update({"name": "folder", **changes})
    return data


def ids(split):
    return [int(example["id"]) for example in split.examples]


def labels(split):
    return [int(example["label"]) for example in split.examples]


def assert_one_line(error, *words):
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


# The images that ship with the package.


@pytest.fixture(scope="module")
def embedded_arrays():
    with np.load(IMAGES, allow_pickle=False) as arrays:
        return dict(arrays)


def test_embedded_images_are_balanced():
    source = load_embedded()
    assert len(source.class_names) == 10
    for split, count in ((source.train, 6000), (source.validation, 1000)):
        assert split.size == count
        examples = list(split.examples.as_numpy_iterator())
        assert [e["id"] for e in examples] == list(range(count))
        counts = np.bincount([e["label"] for e in examples])
        np.testing.assert_array_equal(counts, [count // 10] * 10)


def test_embedded_images_are_fashion_mnist(embedded_arrays):
    train = embedded_arrays["train_images"]
    validation = embedded_arrays["validation_images"]
    assert train.shape == (6000, 28, 28)
    assert validation.shape == (1000, 28, 28)
    assert train.dtype == validation.dtype == np.uint8
    # Published mean and standard deviation of the whole set.
    assert train.mean() / 255 == pytest.approx(0.2860, abs=0.005)
    assert train.std() / 255 == pytest.approx(0.3530, abs=0.005)
    distinct = {image.tobytes() for image in (*train, *validation)}
    assert len(distinct) == 7000


def test_embedded_labels_belong_to_their_images(embedded_arrays):
    train = embedded_arrays["train_images"].reshape(6000, -1)
    validation = embedded_arrays["validation_images"].reshape(1000, -1)
    means = np.array(
        [
            train[embedded_arrays["train_labels"] == label].mean(axis=0)
            for label in range(10)
        ]
    )
    distances = ((validation[:, None] - means) ** 2).sum(axis=-1)
    right = distances.argmin(axis=1) == embedded_arrays["validation_labels"]
    assert right.mean() > 0.6  # a guess is right in 0.1


def test_embedded_images_become_grey_rgb(embedded_arrays):
    source = load_embedded()
    for i, example in zip(range(3), source.validation.examples, strict=False):
        image = source.decode(example["image"])
        assert image.shape == (28, 28, 3)
        for channel in range(3):
            np.testing.assert_array_equal(
                image[..., channel], embedded_arrays["validation_images"][i]
            )


# Folders.


@pytest.mark.parametrize("validation", ["val", "validation"])
def test_folders_become_classes(image_folder, validation):
    root = image_folder(
        {
            "train/zebra": 2,
            "train/Ant": 3,
            "train/cat": 1,
            f"{validation}/cat": 2,
            f"{validation}/zebra": 1,
            f"{validation}/Ant": 1,
        }
    )
    source = load_source(data_config(), 0, str(root))
    assert source.class_names == ("Ant", "cat", "zebra")
    assert ids(source.train) == list(range(6))
    assert labels(source.train) == [0, 0, 0, 1, 2, 2]
    assert labels(source.validation) == [0, 1, 1, 2]
    assert source.train.name_of(3) == str(root / "train/cat/00.bmp")
    files = sorted(root.glob("train/*/*"))
    for example, file in zip(source.train.examples, files, strict=True):
        np.testing.assert_array_equal(
            source.decode(example["image"]), np.asarray(Image.open(file))
        )


def test_other_files_and_hidden_ones_are_left_out(image_folder):
    root = image_folder({"train/a": 1, "train/b": 1, "train/.git": 1})
    (root / "train/a/.hidden.bmp").write_bytes(b"")
    (root / "train/a/.DS_Store").write_bytes(b"")
    (root / "train/a/notes.txt").write_text("no image")
    (root / "train/labels.csv").write_text("no class")
    Image.new("RGB", (9, 9)).save(root / "train/a/z.JPG")
    Image.new("RGB", (9, 9)).save(root / "train/a/y.webp")
    source = load_folder(root)
    assert source.class_names == ("a", "b")
    names = [source.train.name_of(i) for i in range(source.train.size)]
    expected = ["a/00.bmp", "a/y.webp", "a/z.JPG", "b/00.bmp"]
    assert names == [str(root / "train" / name) for name in expected]


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_images_are_used(image_folder, mode):
    root = image_folder({"train/a": 1, "train/b": 1})
    y, x = np.mgrid[:256, :256].astype(np.uint8)
    pixels = y if mode == "L" else np.dstack([y, x, 255 - y, x // 2])
    picture = Image.fromarray(pixels, mode=None if mode == "L" else mode)
    file = root / "train/a/00.jpg"
    picture.save(file, quality=95)
    source = load_folder(root)
    records = list(Records(source, source.train, 1.0).dataset())
    assert [int(record["id"]) for record in records] == [0, 1, 2]
    expected = np.asarray(Image.open(file).convert("RGB")).astype(int)
    # TF takes libjpeg's fast inverse DCT, Pillow the accurate one.
    assert np.abs(records[1]["image"].numpy() - expected).max() <= 6


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"test/a": 1}, ["train is not a folder", "train/<class>/"]),
        ({"train": 3}, ["train has 0 class folders", "at least two"]),
        ({"train/a": 3}, ["train has 1 class folders", "at least two"]),
        ({"train/a": 3, "train/b": 0}, ["train/b holds no image", ".jpg"]),
        (
            {"train/a": 3, "train/b": 3, "val": 2},
            ["val holds no image", "2 lie in no class folder"],
        ),
        (
            {"train/a": 3, "train/b": 3, "val/a": 0},
            ["val holds no image", "val/<class>/"],
        ),
        (
            {"train/a": 3, "train/b": 3, "val/a": 1, "val/b": 1, "val/c": 1},
            ["val/c is a class", "train lacks"],
        ),
    ],
    ids=str,
)
def test_unusable_folders_are_refused(image_folder, counts, words):
    root = image_folder(counts)
    with pytest.raises(UserError) as error:
        load_source(data_config(), 0, str(root))
    assert_one_line(error, *words)


@pytest.mark.parametrize("data_dir", [None, ""])
def test_a_folder_must_be_named(data_dir):
    with pytest.raises(UserError) as error:
        load_source(data_config(), 0, data_dir)
    assert_one_line(error, "--data_dir")


@pytest.mark.parametrize(
    ("name", "words"), [("missing", "is not a folder"), ("file", "is a file")]
)
def test_a_folder_must_be_one(tmp_path, name, words):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError) as error:
        load_source(data_config(), 0, str(tmp_path / name))
    assert_one_line(error, str(tmp_path / name), words)


def test_a_link_that_leads_nowhere_is_a_broken_image(image_folder):
    root = image_folder({"train/a": 1, "train/b": 1})
    (root / "train/a/01.bmp").symlink_to(root / "missing.bmp")
    source = load_folder(root)
    records = Records(source, source.train, 1.0)
    assert [int(record["id"]) for record in records.dataset()] == [0, 2]
    np.testing.assert_array_equal(records.missing([0, 2]), [1])


def test_the_fingerprint_changes_with_the_images(image_folder):
    root = image_folder({"train/a": 2, "train/b": 1})
    first = load_folder(root).fingerprint
    assert load_folder(root).fingerprint == first
    fingerprints = {first}
    (root / "train/a/01.bmp").rename(root / "train/b/01.bmp")
    fingerprints.add(load_folder(root).fingerprint)
    (root / "train/a/00.bmp").write_bytes(b"shorter")
    fingerprints.add(load_folder(root).fingerprint)
    (root / "train/b/00.bmp").unlink()
    fingerprints.add(load_folder(root).fingerprint)
    assert len(fingerprints) == 4


# Hold-out and limit.


def test_a_part_is_held_out_where_there_is_no_validation(image_folder):
    root = image_folder({"train/a": 10, "train/b": 15})
    everything = load_folder(root)
    truth = labels(everything.train)

    def held_out(seed):
        source = load_source(data_config(holdout=0.2), seed, str(root))
        assert (source.train.size, source.validation.size) == (20, 5)
        train, validation = ids(source.train), ids(source.validation)
        assert sorted(train + validation) == list(range(25))
        assert train == sorted(train)
        assert labels(source.train) == [truth[i] for i in train]
        assert labels(source.validation) == [truth[i] for i in validation]
        assert source.validation.name_of(7) == everything.train.name_of(7)
        return tuple(validation)

    assert held_out(3) == held_out(3)
    assert len({held_out(seed) for seed in range(5)}) == 5


def test_too_few_images_to_hold_out_are_refused(image_folder):
    root = image_folder({"train/a": 1, "train/b": 1})
    with pytest.raises(UserError) as error:
        load_source(data_config(), 0, str(root))
    assert_one_line(error, "no validation split", "2 training images")


def test_one_image_a_class_is_enough_with_a_validation_folder(image_folder):
    root = image_folder({"train/a": 1, "train/b": 1, "val/a": 1, "val/b": 1})
    source = load_source(data_config(), 0, str(root))
    for split in (source.train, source.validation):
        records = Records(source, split, 1.0)
        assert [int(r["label"]) for r in records.dataset()] == [0, 1]


@pytest.mark.parametrize("validation", [True, False])
def test_a_limit_takes_a_seeded_choice(image_folder, validation):
    counts = {"train/a": 20, "train/b": 20}
    if validation:
        counts |= {"val/a": 2, "val/b": 2}
    root = image_folder(counts)
    truth = labels(load_folder(root).train)

    def limited(limit, seed=0):
        source = load_source(data_config(limit=limit), seed, str(root))
        train = ids(source.train)
        assert source.train.size == len(train)
        assert labels(source.train) == [truth[i] for i in train]
        assert source.validation.size == len(ids(source.validation)) == 4
        if not validation:
            assert not set(train) & set(ids(source.validation))
        return train

    five, ten = limited(5), limited(10)
    assert (len(five), len(ten)) == (5, 10)
    assert limited(10) == ten
    assert set(five) < set(ten)  # a smaller limit is part of a larger one
    assert len({tuple(limited(5, seed)) for seed in range(4)}) == 4
    everything = 40 if validation else 36
    for limit in (0, everything, 1000):
        assert len(limited(limit)) == everything


def test_the_choice_of_a_limit_is_even():
    examples = tf.data.Dataset.range(12).map(lambda i: {"id": i})
    split = Split(examples=examples, size=12, name_of=str)
    counts = np.zeros(12)
    for seed in range(60):
        counts[ids(select(split, seed, 0, 3))] += 1
    assert stats.chisquare(counts).pvalue > 0.001


# TFDS.


@pytest.fixture
def no_network(monkeypatch):
    """Fails whoever asks for an address."""

    def refuse(*arguments, **_):
        pytest.fail(f"network access: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


SPLITS = {"train": 7, "test": 3}


def tfds_pixels(split, i):
    """A different image for every example."""
    random = np.random.default_rng([len(split), i])
    return random.integers(0, 256, (12, 15, 3), np.uint8)


@pytest.fixture(scope="module")
def tfds_folder(tmp_path_factory):
    """TFDS data folder of four small prepared sets."""
    import tensorflow_datasets as tfds

    data_dir = tmp_path_factory.mktemp("tfds")
    image = tfds.features.Image(shape=(None, None, 3))
    label = tfds.features.ClassLabel(names=["cat", "dog", "owl"])

    def prepare(class_name, features, keys, splits):
        def info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=keys,
            )

        def generate(self, split, count):
            for i in range(count):
                values = {
                    "image": tfds_pixels(split, i),
                    "label": i % 3,
                    "number": i,
                }
                yield i, {name: values[name] for name in features}

        def split_generators(self, manager):
            return {s: generate(self, s, count) for s, count in splits.items()}

        builder = type(
            class_name,
            (tfds.core.GeneratorBasedBuilder,),
            {
                "VERSION": tfds.core.Version("1.0.0"),
                "_info": info,
                "_split_generators": split_generators,
                "_generate_examples": generate,
            },
            skip_registration=True,  # found by its files, as a user's own
        )
        builder(data_dir=data_dir).download_and_prepare()

    classified = {"image": image, "label": label}
    keys = ("image", "label")
    prepare("MadeUp", classified, keys, SPLITS)
    prepare("MadeUpTestOnly", classified, keys, {"test": 2})
    prepare("MadeUpUnlabelled", {"image": image}, None, SPLITS)
    numbered = {"image": image, "number": tfds.features.Scalar(np.int64)}
    prepare("MadeUpNumbered", numbered, ("image", "number"), SPLITS)
    return str(data_dir)


@pytest.mark.usefixtures("no_network")
def test_a_prepared_tfds_set_is_served_whole(tfds_folder):
    source = load_source(data_config(name="made_up"), 0, tfds_folder)
    assert source.class_names == ("cat", "dog", "owl")
    for name, split in (("train", source.train), ("test", source.validation)):
        assert split.size == SPLITS[name]
        assert ids(split) == list(range(split.size))
        served = {
            source.decode(example["image"]).numpy().tobytes(): int(
                example["label"]
            )
            for example in split.examples
        }
        expected = {
            tfds_pixels(name, i).tobytes(): i % 3 for i in range(split.size)
        }
        assert served == expected
    assert "made_up" in source.validation.name_of(2)
    assert "test record 2" in source.validation.name_of(2)


def test_a_tfds_set_has_the_same_order_every_time(tfds_folder):
    first, second = (
        [example["image"].numpy() for example in split.examples]
        for split in (
            load_tfds("made_up", tfds_folder).train,
            load_tfds("made_up", tfds_folder).train,
        )
    )
    assert first == second


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_set", ["no data set no_such_set", "catalog"]),
        ("no_such_set/config:1.0.0", ["no_such_set/config:1.0.0"]),
        ("no such name", ["no such name"]),
        ("mnist/no_such_config", ["mnist/no_such_config"]),
        ("mnist:99.0.0", ["mnist:99.0.0", "3.0.1"]),
        ("mnist", ["mnist is not prepared", "--data_dir", "--download"]),
        ("imagenet2012:5.*.*", ["is not prepared", "--data_dir"]),
        ("made_up_test_only", ["no train split", "test"]),
        ("made_up_unlabelled", ["not an image classification set"]),
        ("made_up_numbered", ["not an image classification set"]),
    ],
)
def test_unusable_tfds_sets_are_refused_at_once(tfds_folder, name, words):
    start = time.monotonic()
    with pytest.raises(UserError) as error:
        load_source(data_config(name=name), 0, tfds_folder)
    assert time.monotonic() - start < 5
    assert_one_line(error, *words)


@pytest.mark.usefixtures("no_network")
def test_a_missing_manual_download_is_explained(tmp_path):
    """ImageNet cannot be fetched; TFDS says which files it wants, and where."""
    with pytest.raises(UserError, match="manual"):
        load_tfds("imagenet2012:5.*.*", str(tmp_path), download=True)


def test_tfds_images_become_records(tfds_folder):
    source = load_tfds("made_up", tfds_folder)
    [batch] = Records(source, source.train, 0.0).dataset().batch(100)
    assert batch["image"].shape == (7, 256, 256, 3)
    assert batch["image"].dtype == tf.uint8
