"""Any image classification set of TensorFlow Datasets, by name."""

import re

import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split
from alexnet_tf.data.preprocess import decode
from alexnet_tf.data.sources.imagenet_classes import english_names
from alexnet_tf.errors import UserError, one_line

# Without namespaces, with which TFDS runs code from elsewhere.
NAME = re.compile(r"\w+(/\w[\w.+-]*)?(:[\d*]+(\.[\d*]+){2})?")
VALIDATION_SPLITS = ("validation", "val", "test")


def load_tfds(name, data_dir=None, download=False):
    """Opens a TFDS set such as `imagenette/160px-v2` or `imagenet2012:5.*.*`.

    Args:
        name: TFDS name, with config and version where wanted.
        data_dir: TFDS data folder; None: TFDS's default.
        download: whether to download and prepare what is missing.

    Raises:
        UserError: no such set, not prepared, or no image and label.
    """
    import tensorflow_datasets as tfds

    if not NAME.fullmatch(name):
        raise UserError(
            f"data.name={name!a} is no name of a data set: embedded, folder, "
            "prepared, imagenet_tars or, of TFDS, name, name/config or "
            "name/config:1.2.3"
        )
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        raise UserError(
            f"there is no data set {name}: data.name is embedded, folder or "
            "a name of https://www.tensorflow.org/datasets/catalog"
        ) from None
    except (ValueError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"data.name={name} cannot be used: {reason}") from None
    if download:
        try:
            builder.download_and_prepare()
        except (AssertionError, OSError) as error:
            # A manual download is missing, or there is no network.
            reason = one_line(error)
            raise UserError(f"{name} cannot be prepared: {reason}") from None
    if not builder.is_prepared():
        raise UserError(
            f"{name} is not prepared under {builder.data_dir}: give the "
            "folder that holds it with --data_dir=DIR, or let TFDS fetch it "
            "with --download"
        )
    image, label = _image_and_label(name, builder)
    splits = builder.info.splits
    validation = next((v for v in VALIDATION_SPLITS if v in splits), None)
    if "train" not in splits:
        raise UserError(f"{name} has no train split, only {list(splits)}")
    return Source(
        name=name,
        class_names=english_names(builder.info.features[label].names),
        train=_split(builder, "train", image, label),
        validation=_split(builder, validation, image, label)
        if validation
        else None,
        decode=decode,
        fingerprint=_fingerprint(builder),
        licence=_licence(builder),
    )


def _image_and_label(name, builder):
    """The names of the two supervised features, which must fit."""
    import tensorflow_datasets as tfds

    keys = builder.info.supervised_keys
    features = builder.info.features
    if not (
        keys
        and len(keys) == 2
        and isinstance(features[keys[0]], tfds.features.Image)
        and isinstance(features[keys[1]], tfds.features.ClassLabel)
    ):
        raise UserError(
            f"{name} is not an image classification set: it needs an image "
            "and a class label as supervised keys"
        )
    return keys


def _split(builder, split, image, label):
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders={image: tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    examples = dataset.enumerate().map(
        lambda i, example: {
            "id": i,
            "image": example[image],
            "label": tf.cast(example[label], tf.int64),
        },
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    size = builder.info.splits[split].num_examples
    return Split(
        examples, size, lambda i: f"{builder.info.full_name} {split} record {i}"
    )


def _fingerprint(builder):
    splits = builder.info.splits
    lengths = {name: splits[name].shard_lengths for name in sorted(splits)}
    sizes = {name: splits[name].num_bytes for name in sorted(splits)}
    return f"{builder.info.full_name} {lengths} {sizes}"


def _licence(builder):
    text = builder.info.redistribution_info.license
    return text or (
        f"See https://www.tensorflow.org/datasets/catalog/{builder.name}."
    )
