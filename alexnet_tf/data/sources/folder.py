"""Images in folders: ROOT/{train,val}/<class>/*."""

import hashlib
import pathlib

import numpy as np
import tensorflow as tf

from alexnet_tf.data.image_set import (
    Source,
    check_class_names,
    is_printable,
    table_split,
)
from alexnet_tf.data.preprocess import decode
from alexnet_tf.data.sources.imagenet_classes import english_names
from alexnet_tf.errors import UserError

EXTENSIONS = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}
VALIDATION_FOLDERS = ("val", "validation")


def load_folder(root, lost=()):
    """Opens ROOT/train/<class>/* and, where it exists, ROOT/val/<class>/*.

    Classes are the folders' names in alphabetical order; where all of them
    are ImageNet's WordNet ids, they get their English names. Hidden files
    and files without an image's extension are left out.

    Args:
        root: path of the folder.
        lost: `Damaged` images that were there once; they keep their places,
            so that all others keep theirs.

    Raises:
        UserError: a folder is missing or empty, or the validation split has
            a class that the training split lacks.
    """
    if not root:
        raise UserError("data.name=folder needs --data_dir=DIR")
    root = pathlib.Path(root)
    train = root / "train"
    if not train.is_dir():
        raise UserError(
            f"{train} is not a folder: images are expected in "
            f"{root}/train/<class>/ and {root}/val/<class>/"
        )
    class_names = _subfolders(train)
    check_class_names(train, class_names)
    if len(class_names) < 2:
        raise UserError(
            f"{train} has {len(class_names)} class folders, at least two are "
            "needed: images are expected in train/<class>/"
        )
    # As they were called then: the root may have another name now.
    lost = {
        root.joinpath(*pathlib.Path(damaged.name).parts[-3:]): damaged.bytes
        for damaged in lost
    }
    train_files = _files_by_class(train, class_names, lost)
    validation = next(
        (root / v for v in VALIDATION_FOLDERS if (root / v).is_dir()), None
    )
    validation_files = []
    if validation is not None:
        unknown = sorted(set(_subfolders(validation)) - set(class_names))
        if unknown:
            raise UserError(
                f"{validation / unknown[0]} is a class that {train} lacks"
            )
        validation_files = _files_by_class(validation, class_names, lost)
    return Source(
        name="folder",
        class_names=english_names(class_names),
        train=_split(train_files),
        validation=_split(validation_files) if validation_files else None,
        decode=lambda path: decode(tf.io.read_file(path)),
        fingerprint=_fingerprint(root, train_files + validation_files),
        licence="The images in the folder belong to whoever made them.",
    )


def _subfolders(folder):
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def _files_by_class(folder, class_names, lost):
    """[(path, label, size)], sorted; every class folder must hold an image.

    Args:
        folder: of one split.
        class_names: names of its subfolders.
        lost: {path: the size it had} of images that count as if still there.
    """
    files, left_out = [], []
    for label, name in enumerate(class_names):
        there = {path for path in lost if path.parent == folder / name}
        visible = sorted(there.union((folder / name).glob("[!.]*")))
        images = [p for p in visible if _is_image(p)]
        left_out += [p for p in visible if not _is_image(p)]
        if not images:
            raise UserError(
                f"{folder / name} holds no image: add images "
                f"({', '.join(sorted(EXTENSIONS))}) or remove the class"
            )
        files += [
            (p, label, lost[p] if p in lost else _size(p)) for p in images
        ]
    if left_out:
        print(
            f"left out {len(left_out)} files in {folder} that are no images "
            f"by their names, such as {str(left_out[0])!a}"
        )
    return files


def _is_image(path):
    return path.suffix.lower() in EXTENSIONS and is_printable(path.name)


def _size(path):
    return path.stat().st_size if path.exists() else None  # broken link


def _split(files):
    paths = [str(path) for path, _, _ in files]
    table = {
        "id": np.arange(len(files), dtype=np.int64),
        "image": np.array(paths, object),
        "label": np.array([label for _, label, _ in files], np.int64),
    }
    return table_split(
        table,
        lambda i: paths[i],
        bytes_of=lambda i: files[i][2],
    )


def _fingerprint(root, files):
    digest = hashlib.sha256()
    for path, label, size in files:
        line = f"{path.relative_to(root)} {label} {size}\n"
        digest.update(line.encode())
    return digest.hexdigest()
