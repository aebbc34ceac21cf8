"""Any image classification set of TensorFlow Datasets, by name."""

import difflib
import itertools
import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_set import (
    Source,
    Split,
    is_in_class_order,
    table_split,
)
from alexnet_tf.data.preprocess import decode
from alexnet_tf.data.record_table import places_in_files
from alexnet_tf.data.sources.imagenet_classes import english_names
from alexnet_tf.data.tfrecord_frames import open_tfrecord, record_offsets
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.terminal.progress import ProgressReport

# Namespaces are off, with which TFDS runs code from elsewhere.
NAME = re.compile(r"\w+(/\w[\w.+-]*)?(:[\d*]+(\.[\d*]+){2})?")
OWN_NAMES = ("embedded", "folder", "csv", "prepared", "imagenet_tars")
VALIDATION_SPLITS = ("validation", "val", "test")
SAMPLE = 1024  # examples whose labels tell whether classes are mixed


def load_tfds(
    name: str, data_dir: str | None = None, download: bool = False
) -> Source:
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
            f"data.name={name!a} is no name of a data set: it is one of "
            f"{', '.join(OWN_NAMES)} or, of TFDS, name, name/config or "
            "name/config:1.2.3"
        )
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        raise UserError(
            f"there is no data set {name}{_near_match(name)}: data.name is "
            f"one of {', '.join(OWN_NAMES)}, or a name of "
            "https://www.tensorflow.org/datasets/catalog"
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
        decode=lambda data: decode(
            _read(image, data) if isinstance(data, dict) else data
        ),
        fingerprint=_fingerprint(builder),
        licence=_licence(builder),
    )


def _near_match(name: str) -> str:
    """ ", did you mean ...?" where another name is close; else nothing."""
    import tensorflow_datasets as tfds

    names = [*OWN_NAMES, *tfds.list_builders(with_community_datasets=False)]
    base = re.split("[/:]", name)[0]
    found = difflib.get_close_matches(base.lower(), names, n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def _image_and_label(name: str, builder: Any) -> tuple[str, str]:
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


def _split(builder: Any, split: str, image: str, label: str) -> Split:
    examples = _as_dataset(builder, split, image).enumerate()
    examples = examples.map(
        lambda i, example: {
            "id": i,
            "image": example[image],
            "label": tf.cast(example[label], tf.int64),
        },
        num_parallel_calls=tf.data.AUTOTUNE,
    )

    def in_class_order() -> bool:
        if builder.info.disable_shuffling:
            return True
        sample = examples.map(lambda e: e["label"]).take(SAMPLE)
        return is_in_class_order(
            [np.fromiter(sample.as_numpy_iterator(), np.int64)]
        )

    def name_of(i: int) -> str:
        return f"{builder.info.full_name} {split} record {i}"

    def as_table() -> Split:
        return table_split(_table(builder, split, image, label), name_of)

    is_tfrecord = builder.info.file_format.value == "tfrecord"
    return Split(
        examples=examples,
        size=builder.info.splits[split].num_examples,
        name_of=name_of,
        in_class_order=in_class_order,
        as_table=as_table if is_tfrecord else None,
    )


def _as_dataset(
    builder: Any, split: str, image: str, **reading: Any
) -> tf.data.Dataset:
    import tensorflow_datasets as tfds

    return builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders={image: tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False, **reading),
    )


def _table(builder: Any, split: str, image: str, label: str) -> dict[str, Any]:
    """See `Split`; in the order in which TFDS reads the files."""
    info = builder.info.splits[split]
    files = [
        (pathlib.Path(str(file.filename)), file.examples_in_shard)
        for file in info.file_instructions
    ]
    places = places_in_files(files, record_offsets)
    firsts = itertools.accumulate((n for _, n in files), initial=0)
    first_row = {
        path.name: first
        for (path, _), first in zip(files, firsts, strict=False)
    }
    rows, labels = [], []
    batches = (
        _as_dataset(builder, split, image, add_tfds_id=True)
        .map(lambda example: (example["tfds_id"], example[label]))
        .batch(SAMPLE)
    )
    with ProgressReport(f"records of {split}", info.num_examples) as progress:
        for names, found in batches.as_numpy_iterator():
            for name in names:
                # An id looks like made_up-train.tfrecord-00003-of-00010__57.
                file, number = name.decode().rsplit("__", 1)
                rows.append(first_row[file] + int(number))
            labels.append(found.astype(np.int64))
            progress.advance(len(names))
    return {
        "id": np.arange(len(rows), dtype=np.int64),
        "image": {column: values[rows] for column, values in places.items()},
        "label": np.concatenate(labels),
    }


def _read(image: str, place: dict[str, tf.Tensor]) -> tf.Tensor:
    """The image in the record at a place in a TFRecord file."""
    record = open_tfrecord(place["file"], place["offset"], 1)
    features = {image: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(record.get_single_element(), features)[
        image
    ]


def _fingerprint(builder: Any) -> str:
    splits = builder.info.splits
    lengths = {name: splits[name].shard_lengths for name in sorted(splits)}
    sizes = {name: splits[name].num_bytes for name in sorted(splits)}
    return f"{builder.info.full_name} {lengths} {sizes}"


def _licence(builder: Any) -> str:
    text = builder.info.redistribution_info.license
    return text or (
        f"See https://www.tensorflow.org/datasets/catalog/{builder.name}."
    )
