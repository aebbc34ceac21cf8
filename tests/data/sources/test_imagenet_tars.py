"""The tars ImageNet ships as: read directly, and by TFDS's own builder."""

import tarfile

import pytest

from alexnet_tf.data.sources.imagenet_tars import load_imagenet_tars
from alexnet_tf.data.sources.tfds import load_tfds
from alexnet_tf.errors import UserError
from tests.data import imagenet_layout


def pixels_and_labels(source, split):
    return sorted(
        (
            source.decode(example["image"]).numpy().tobytes(),
            int(example["label"]),
        )
        for example in getattr(source, split).examples
    )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_images_and_labels_are_those_of_tfdss_builder(
    imagenet_tars, imagenet_tfds, split
):
    ours = load_imagenet_tars(imagenet_tars)
    theirs = load_tfds("imagenet2012:5.*.*", imagenet_tfds)
    assert ours.class_names == theirs.class_names
    assert ours.class_names[217] == "English springer"
    found = pixels_and_labels(ours, split)
    assert found == pixels_and_labels(theirs, split)
    assert len(found) == getattr(ours, split).size


def test_names(imagenet_tars):
    source = load_imagenet_tars(imagenet_tars)
    assert source.train.name_of(5) == "n02102040_10027.JPEG"
    assert source.validation.name_of(0) == "ILSVRC2012_val_00000001.JPEG"


def test_a_missing_tar(tmp_path):
    with pytest.raises(UserError, match=r"img_train\.tar is missing"):
        load_imagenet_tars(tmp_path)


@pytest.mark.parametrize(
    ("archive", "member", "complaint"),
    [
        ("ILSVRC2012_img_train.tar", "n99999999.tar", "holds n99999999"),
        ("ILSVRC2012_img_train.tar", "cat.JPEG", r"holds cat\.JPEG"),
        ("ILSVRC2012_img_val.tar", "photo.JPEG", r"holds photo\.JPEG"),
        ("ILSVRC2012_img_val.tar", "ILSVRC2012_val_00050001.JPEG", "not one"),
    ],
)
def test_another_layout(tmp_path, archive, member, complaint):
    imagenet_layout.build(tmp_path)
    with tarfile.open(tmp_path / archive, "a") as opened:
        imagenet_layout.add(opened, member, b"")
    with pytest.raises(UserError, match=complaint):
        load_imagenet_tars(tmp_path)


def test_a_cut_tar(tmp_path):
    imagenet_layout.build(tmp_path)
    file = tmp_path / "ILSVRC2012_img_train.tar"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match="cannot be read"):
        load_imagenet_tars(tmp_path)
