"""Mean image, colour covariance and broken images."""

import io

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.data.pipeline import TrainingBatches, centre_crop_batches
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.statistics import (
    Statistics,
    imagenet_statistics,
    load_or_measure,
    measure,
)
from alexnet_tf.errors import UserError
from tests.slow import slow

# For tests of what differs between them, both are quick ones.
BOTH = pytest.mark.parametrize(
    "open_folder",
    [slow(1.0, id="cached"), pytest.param(0.0, id="uncached")],
    indirect=True,
)

# More than a batch of 32, and one batch that is not full.
TRAIN = {"train/a": 20, "train/b": 21}
VALIDATION = {"val/a": 2, "val/b": 3}


@pytest.fixture(
    params=[
        pytest.param(1.0, id="cached"),
        slow(0.0, id="uncached"),
    ]
)
def open_folder(request):
    """Function from a folder to its fingerprint and two `Records`."""

    def open_it(root):
        source = load_folder(root)
        return (
            source.fingerprint,
            Records(source, source.train, request.param),
            Records(source, source.validation, request.param),
        )

    return open_it


def all_pixels(root, names):
    """float64 [N, 256, 256, 3] of images that are 256x256 already."""
    files = [file for name in names for file in sorted((root / name).iterdir())]
    return np.array([np.asarray(Image.open(f)) for f in files], np.float64)


def assert_describe(statistics, images):
    pixels = images.reshape(-1, 3)
    np.testing.assert_allclose(
        statistics.mean_image, images.mean(axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(
        statistics.covariance, np.cov(pixels.T, bias=True), rtol=1e-9
    )
    assert statistics.mean_image.dtype == np.float64
    assert statistics.covariance.dtype == np.float64


def correlated(root):
    """Makes the colours of every image depend on each other."""
    for i, file in enumerate(sorted(root.glob("train/*/*"))):
        pixels = np.asarray(Image.open(file)).astype(int)
        pixels[..., 1] = (pixels[..., 0] + pixels[..., 1]) // 2
        pixels[..., 2] = (3 * pixels[..., 0] + 5 * i) // 4
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file)


@BOTH
def test_statistics_are_those_of_the_training_pixels(image_folder, open_folder):
    root = image_folder(TRAIN | VALIDATION, size=(256, 256))
    correlated(root)
    statistics = measure(*open_folder(root))
    assert_describe(statistics, all_pixels(root, TRAIN))
    assert len(statistics.rejected_train) == 0
    assert len(statistics.rejected_validation) == 0


def made_up(covariance):
    return Statistics(
        mean_image=np.random.default_rng(0).uniform(0, 255, (256, 256, 3)),
        covariance=np.array(covariance, np.float64),
        rejected_train=np.array([3, 5], np.int64),
        rejected_validation=np.array([], np.int64),
        fingerprint="these images",
    )


@pytest.mark.parametrize(
    "covariance",
    [
        [[5, 2, 1], [2, 4, 3], [1, 3, 9]],
        [[1, 0, 0], [0, 3, 0], [0, 0, 2]],
        np.full((3, 3), 7.0),  # grey images: two eigenvalues are 0
        np.zeros((3, 3)),
    ],
)
def test_principal_components_rebuild_the_covariance(covariance):
    vectors, values = made_up(covariance).principal_components()
    rebuilt = vectors @ np.diag(values) @ vectors.T
    np.testing.assert_allclose(rebuilt, covariance, atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-12)
    assert (np.diff(values) <= 0).all()
    assert (values >= 0).all()


def test_statistics_survive_a_file(tmp_path):
    statistics = made_up(np.eye(3))
    statistics.save(tmp_path / "statistics.npz")
    loaded = Statistics.load(tmp_path / "statistics.npz")
    for name in (
        "mean_image",
        "covariance",
        "rejected_train",
        "rejected_validation",
    ):
        expected, array = getattr(statistics, name), getattr(loaded, name)
        np.testing.assert_array_equal(array, expected, strict=True)
    assert loaded.fingerprint == "these images"
    assert isinstance(loaded.fingerprint, str)


def test_saved_statistics_are_not_measured_again(
    tmp_path, image_folder, open_folder
):
    root = image_folder({"train/a": 1, "train/b": 1, "val/a": 1, "val/b": 1})
    fingerprint, train, validation = open_folder(root)
    path = tmp_path / "statistics.npz"
    first = load_or_measure(path, fingerprint, train, validation)
    with np.load(path) as arrays:
        changed = {**arrays, "mean_image": first.mean_image + 1}
    np.savez(path, **changed)
    second = load_or_measure(path, fingerprint, train, validation)
    np.testing.assert_array_equal(second.mean_image, first.mean_image + 1)


def test_statistics_of_other_images_are_refused(
    tmp_path, image_folder, open_folder
):
    counts = {"train/a": 2, "train/b": 1, "val/a": 1, "val/b": 1}
    root = image_folder(counts)
    path = tmp_path / "statistics.npz"
    load_or_measure(path, *open_folder(root))
    (root / "train/a/01.bmp").rename(root / "train/b/01.bmp")
    with pytest.raises(UserError, match="measured on other data"):
        load_or_measure(path, *open_folder(root))


def png(size):
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


BROKEN = {
    "train/a/05.bmp": b"",
    "train/a/07.bmp": b"not an image",
    "train/b/03.png": png((300, 300))[:-40],
    "train/b/99.png": png((2, 50)),  # one side over 20 times the other
    "val/b/01.bmp": b"BM" + bytes(100),
}
BROKEN_TRAIN = [name for name in BROKEN if name.startswith("train")]


@pytest.fixture
def broken_folder(image_folder):
    root = image_folder(TRAIN | VALIDATION, size=(256, 256))
    for name, content in BROKEN.items():
        (root / name).write_bytes(content)
    return root


def intact_images(root):
    return [
        np.asarray(Image.open(file))
        for file in sorted(root.glob("train/*/*"))
        if str(file.relative_to(root)) not in BROKEN
    ]


@BOTH
@pytest.mark.slow
def test_broken_images_are_named_and_left_out(
    tmp_path, broken_folder, open_folder, capsys
):
    path = tmp_path / "statistics.npz"
    for attempt in range(2):  # the second reads what the first has saved
        fingerprint, train, validation = open_folder(broken_folder)
        statistics = load_or_measure(path, fingerprint, train, validation)
        assert capsys.readouterr().out.splitlines() == [
            "skipped 4 of 43 images, which cannot be decoded:",
            *(f"  {broken_folder / name}" for name in BROKEN_TRAIN),
            "skipped 1 of 5 images, which cannot be decoded:",
            f"  {broken_folder / 'val/b/01.bmp'}",
        ], attempt
        assert (train.size, validation.size) == (39, 4)
        images = np.array(intact_images(broken_folder))
        assert_describe(statistics, images.astype(np.float64))

        # An epoch holds exactly the intact images, mirrored or not.
        number = {image.tobytes(): i for i, image in enumerate(images)}
        number |= {
            image[:, ::-1].tobytes(): i for i, image in enumerate(images)
        }
        batches = TrainingBatches(
            train, 13, crop=256, seed=0, shuffle_buffer=10
        )
        assert batches.steps_per_epoch == 3
        for crops, _ in batches.stream().unbatch().batch(39).take(2):
            seen = [number[crop.tobytes()] for crop in crops.numpy()]
            assert sorted(seen) == list(range(39))
        labels = [b for _, b in centre_crop_batches(validation, 3, 224)]
        np.testing.assert_array_equal(np.concatenate(labels), [0, 0, 1, 1])


def test_only_the_first_broken_images_are_named(
    tmp_path, image_folder, open_folder, capsys
):
    root = image_folder({"train/a": 15, "train/b": 1, "val/a": 1, "val/b": 1})
    for i in range(12):
        (root / f"train/a/{i:02d}.bmp").write_bytes(b"broken")
    load_or_measure(tmp_path / "statistics.npz", *open_folder(root))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("skipped 12 of 16 images")
    assert lines[10] == f"  {root / 'train/a/09.bmp'}"
    assert lines[11:] == ["  and 2 more"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_of_broken_images_is_refused(image_folder, open_folder, split):
    root = image_folder({"train/a": 1, "train/b": 1, "val/a": 1, "val/b": 1})
    for file in root.glob(f"{split}/*/*"):
        file.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"not one .* image can be decoded"):
        measure(*open_folder(root))


def test_a_file_that_cannot_be_read_counts_as_broken(
    tmp_path, image_folder, open_folder, capsys
):
    root = image_folder({"train/a": 2, "train/b": 1, "val/a": 1, "val/b": 1})
    (root / "train/a/gone.png").symlink_to(root / "nowhere.png")
    load_or_measure(tmp_path / "statistics.npz", *open_folder(root))
    out = capsys.readouterr().out
    assert "skipped 1 of 4 images" in out
    assert str(root / "train/a/gone.png") in out


def test_imagenets_published_values():
    statistics = imagenet_statistics("any")
    vectors, values = statistics.principal_components()
    # Section 4.1 with std 0.1, eigenvalues of pixels on 0..1: 5.5 levels.
    assert 0.1 * values[0] / 255 == pytest.approx(5.55, abs=0.01)
    # The published vectors have four digits.
    np.testing.assert_allclose(
        values / 255**2, [0.2175, 0.0188, 0.0045], rtol=2e-3
    )
    np.testing.assert_allclose(
        np.abs(vectors[:, 0]), [0.5675, 0.5808, 0.5836], atol=1e-3
    )
    assert statistics.mean_image.shape == (256, 256, 3)
    np.testing.assert_array_equal(
        statistics.mean_image[17, 200], [123.68, 116.779, 103.939]
    )
