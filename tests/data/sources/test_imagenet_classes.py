"""English names in TFDS's label order."""

import tensorflow_datasets as tfds

from alexnet_tf.data.sources.imagenet_classes import (
    english_names,
    names_by_wnid,
)


def test_the_order_is_tfdss():
    labels = tfds.core.tfds_path("datasets/imagenet2012/labels.txt")
    assert list(names_by_wnid()) == labels.read_text().split()


def test_names_are_unique():
    names = list(names_by_wnid().values())
    assert len(set(names)) == 1000
    # Known from torchvision's and Keras' lists.
    for label, name in ((0, "tench"), (207, "golden retriever")):
        assert names[label] == name
    assert names[281] == "tabby"
    assert names[999] == "toilet tissue"
    assert (names[134], names[517]) == ("crane (bird)", "crane (machine)")


def test_only_wnids_are_translated():
    assert english_names(["n01440764", "n02102040"]) == (
        "tench",
        "English springer",
    )
    assert english_names(["n01440764", "cat"]) == ("n01440764", "cat")
