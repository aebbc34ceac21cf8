"""ImageNet (ILSVRC-2012) read straight from the tars it ships as.

ILSVRC2012_img_train.tar holds a tar per class, n01440764.tar, of
n01440764_10026.JPEG and so on; ILSVRC2012_img_val.tar holds
ILSVRC2012_val_00000001.JPEG to ILSVRC2012_val_00050000.JPEG. Nothing is
unpacked: images are read where they lie in the archives.
"""

import hashlib
import pathlib
import tarfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_set import Source, Split, table_split
from alexnet_tf.data.preprocess import decode
from alexnet_tf.data.sources.imagenet_classes import (
    VALIDATION_NAME,
    names_by_wnid,
)
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.text import is_printable, printable, read_text

TRAIN, VALIDATION = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
LICENCE = (
    "ImageNet, for non-commercial research and education only: "
    "https://image-net.org/download.php."
)


def load_imagenet_tars(folder: str | pathlib.Path | None) -> Source:
    """Opens the two tars of ILSVRC-2012; a part of the classes will do.

    Args:
        folder: path of the folder that holds them.

    Returns:
        A `Source` with the 1000 English class names, whatever part of the
        images there is.

    Raises:
        UserError: a tar is missing, damaged or of another layout.
    """
    if not folder:
        raise UserError("data.name=imagenet_tars needs --data_dir=DIR")
    folder = pathlib.Path(folder)
    for file in (TRAIN, VALIDATION):
        if not (folder / file).is_file():
            raise UserError(
                f"{folder / file} is missing: {TRAIN} and {VALIDATION} are "
                "expected, as image-net.org offers them"
            )
    train, validation = folder / TRAIN, folder / VALIDATION
    with readable(train):
        train_members = list(_train_members(train))
    with readable(validation):
        validation_members = list(_validation_members(validation))
    return Source(
        name="imagenet_tars",
        class_names=tuple(names_by_wnid().values()),
        train=_split(train, train_members),
        validation=_split(validation, validation_members),
        decode=_read_and_decode,
        fingerprint=_fingerprint(train_members, validation_members),
        licence=LICENCE,
    )


def _train_members(path: pathlib.Path) -> Iterator[tuple[str, int, int, int]]:
    """Yields (name, offset, size, label) of every image."""
    labels = {wnid: label for label, wnid in enumerate(names_by_wnid())}
    with tarfile.open(path, "r:") as outer:
        for member in _plain_files(path, outer):
            wnid, extension = pathlib.PurePath(member.name).stem, ".tar"
            if not member.name.endswith(extension) or wnid not in labels:
                raise UserError(
                    f"{path} holds {member.name}, not a tar of one of "
                    "ImageNet's 1000 classes such as n01440764.tar"
                )
            with tarfile.open(
                fileobj=outer.extractfile(member), mode="r:"
            ) as inner:
                for image in _plain_files(path, inner):
                    yield (
                        image.name,
                        member.offset_data + image.offset_data,
                        image.size,
                        labels[wnid],
                    )


def _validation_members(
    path: pathlib.Path,
) -> Iterator[tuple[str, int, int, int]]:
    """Yields (name, offset, size, label) of every image."""
    labels = _validation_labels()
    with tarfile.open(path, "r:") as archive:
        members = _plain_files(path, archive)
        for image in sorted(members, key=lambda member: member.name):
            match = VALIDATION_NAME.fullmatch(pathlib.PurePath(image.name).name)
            number = int(match[1]) if match else 0
            if not 1 <= number <= len(labels):
                raise UserError(
                    f"{path} holds {image.name}, not one of "
                    "ILSVRC2012_val_00000001.JPEG and so on"
                )
            yield image.name, image.offset_data, image.size, labels[number - 1]


def _plain_files(
    path: pathlib.Path, archive: tarfile.TarFile
) -> Iterator[tarfile.TarInfo]:
    """Yields the files of a tar.

    Links, which may lead anywhere, and what else a tar can hold are refused
    before anything follows or reads them.
    """
    for member in archive:
        if member.isdir():
            continue
        if (
            not member.isreg()
            or member.issparse()
            or member.size < 0
            or not is_printable(member.name)
        ):
            raise UserError(
                f"{path} holds {printable(member.name)}, which is no plain "
                "file with a printable name: fetch the archive again"
            )
        yield member


def _validation_labels() -> list[int]:
    """Labels of validation images 1 to 50,000, which TFDS brings."""
    import tensorflow_datasets as tfds

    file = tfds.core.tfds_path("datasets/imagenet2012/validation_labels.txt")
    labels = {wnid: label for label, wnid in enumerate(names_by_wnid())}
    return [labels[wnid] for wnid in read_text(file).split()]


def _split(
    path: pathlib.Path, members: list[tuple[str, int, int, int]]
) -> Split:
    names, offsets, sizes, labels = zip(*members, strict=True)
    count = len(members)
    table = {
        "id": np.arange(count, dtype=np.int64),
        "image": {
            "file": np.full(count, str(path), object),
            "offset": np.array(offsets, np.int64),
            "size": np.array(sizes, np.int64),
        },
        "label": np.array(labels, np.int64),
    }
    return table_split(
        table,
        lambda i: names[i],
        content_of=lambda i: _read(path, offsets[i], sizes[i]),
    )


def _read_and_decode(image: dict[str, tf.Tensor]) -> tf.Tensor:
    encoded = tf.numpy_function(
        _read, [image["file"], image["offset"], image["size"]], tf.string
    )
    return decode(tf.ensure_shape(encoded, []))


def _read(file: object, offset: int, size: int) -> bytes:
    # A graph hands over bytes, eager TensorFlow an array.
    with open(np.asarray(file).item(), "rb") as archive:
        archive.seek(offset)
        return archive.read(size)


def _fingerprint(*splits: list[tuple[str, int, int, int]]) -> str:
    digest = hashlib.sha256()
    for split in splits:
        for name, offset, size, label in split:
            digest.update(f"{name} {offset} {size} {label}\n".encode())
    return digest.hexdigest()
