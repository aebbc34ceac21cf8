"""Images in folders: ROOT/{train,val}/<class>/**."""

import pathlib
from collections.abc import Iterable

import tensorflow as tf

from alexnet_tf.data.image_names import (
    SUFFIXES,
    files_below,
    is_hidden,
    is_image_name,
    is_other_image_name,
)
from alexnet_tf.data.image_set import (
    Damaged,
    Source,
    check_class_names,
)
from alexnet_tf.data.preprocess import decode
from alexnet_tf.data.sources.image_files import (
    TOO_LARGE,
    ImageFile,
    file_split,
    fingerprint_of,
    state_of,
)
from alexnet_tf.data.sources.imagenet_classes import (
    VALIDATION_NAME,
    english_names,
    names_by_wnid,
)
from alexnet_tf.errors import UserError
from alexnet_tf.files.text import (
    counted,
    differing_in_form,
    is_printable,
    printable,
)

TRAINING_FOLDERS = ("train", "training")
VALIDATION_FOLDERS = ("val", "valid", "validation", "dev", "test", "testing")
LIKE_SPLITS = ("train", "val", "test", "dev", "eval")  # names that begin so
MOST_NAMED = 3


def load_folder(
    root: str | pathlib.Path | None,
    lost: Iterable[Damaged] = (),
    known: tuple[str, ...] | None = None,
    every_class: bool = False,
) -> Source:
    """Opens ROOT/train/<class>/** and, where it exists, ROOT/val/<class>/**.

    Validation images are those in the first of val, valid, validation, dev,
    test and testing, in capitals or not. Without any split's folder
    ROOT/<class>/** are the training images. Classes are the folders' names in
    alphabetical order; where all of them are ImageNet's WordNet ids, they get
    their English names. Hidden files and folders, and files without an
    image's extension, are left out.

    Args:
        root: path of the folder.
        lost: `Damaged` images that were there once; they keep their places,
            so that all others keep theirs.
        known: class names of a network that is to be evaluated: labels are
            theirs where all of the folder's classes are among them, and
            training images need not be there.
        every_class: whether a class that only the validation split has is
            one more, and one without training images is none the less a
            class, not a mistake: for a look at what is there.

    Raises:
        UserError: a folder is missing or empty, or the validation split has
            a class that the training split lacks.
    """
    if not root:
        raise UserError("data.name=folder needs --data_dir=DIR")
    root = pathlib.Path(root)
    train, validation = _split_folders(root, is_evaluated=known is not None)
    if train:
        found = _subfolders(train)
        _check_classes(train, found)
        if every_class and validation:
            found = sorted({*found, *_subfolders(validation)})
    else:
        assert validation  # one of the two is there
        found = _subfolders(validation)
    class_names, labels = classes_of(found, known)
    check_class_names(train or validation, found)
    if alike := _alike(found):
        print(f"two classes of {train or validation} look alike{alike}")
    train_files, validation_files, unread = [], [], []
    if train:
        train_files, unread = _files(root, train, labels, lost)
        if not every_class:
            _check_no_class_is_empty(train, labels, train_files)
    if validation:
        unknown = sorted(set(_subfolders(validation)) - set(labels))
        if unknown:
            raise UserError(
                f"{validation / unknown[0]} is a class that {train} lacks"
                + _alike([*labels, *unknown])
            )
        validation_files, more = _files(root, validation, labels, lost)
        unread += more
        _check_there_are_some(validation, labels, validation_files)
    return Source(
        name="folder",
        class_names=class_names,
        train=file_split(train_files),
        validation=file_split(validation_files) if validation_files else None,
        decode=lambda path: decode(tf.io.read_file(path)),
        fingerprint=fingerprint_of(train_files + validation_files),
        licence="The images in the folder belong to whoever made them.",
        unread=tuple(unread),
    )


def _split_folders(
    root: pathlib.Path, is_evaluated: bool
) -> tuple[pathlib.Path | None, pathlib.Path | None]:
    """The folders of training and of validation images.

    At least one is there: the first, except where the images are to be
    evaluated only. Says which folders are not used.
    """
    if root.is_file():
        raise UserError(
            f"{root} is a file: data.name=folder takes a folder of images, "
            "--data_dir=DIR; a list of them is --config.data.name=csv"
        )
    missing = UserError(
        f"{root / 'train'} is not a folder: images are expected in "
        f"{root}/train/<class>/ and {root}/val/<class>/"
    )
    if not root.is_dir():
        raise missing
    folders = _subfolders(root)
    # Small letters come last, and stay.
    by_name = {name.casefold(): root / name for name in folders}
    train = _first_of(by_name, TRAINING_FOLDERS)
    validation = _first_of(by_name, VALIDATION_FOLDERS)
    if not train and not validation:
        images = sum(_is_image(path) for path in _visible(root))
        if not folders and images:
            raise UserError(
                f"{root} holds {counted(images, 'image')} "
                "and no folder of a class: "
                "training and evaluation expect them in train/<class>/ and "
                "val/<class>/; to predict their classes use --mode=predict "
                f"--image={root}"
            )
        if len(folders) < (1 if is_evaluated else 2) or all(
            name.casefold().startswith(LIKE_SPLITS) for name in folders
        ):
            raise missing
        return (None, root) if is_evaluated else (root, None)
    if not train and not is_evaluated:
        raise missing
    if validation:
        unused = [n for n in folders if root / n not in (train, validation)]
        is_usual = validation.name in ("val", "validation")
        if unused or not is_usual:
            left = f"; not used: {shortened(unused)}" if unused else ""
            print(
                f"{root}: {validation.name}/ holds the validation images{left}"
            )
    else:
        unused = [n for n in folders if root / n != train]
        if unused:
            print(f"{root}: not used: {shortened(unused)}")
    return train, validation


def _first_of(
    by_name: dict[str, pathlib.Path], names: tuple[str, ...]
) -> pathlib.Path | None:
    return next((by_name[name] for name in names if name in by_name), None)


def shortened(names: list[str]) -> str:
    """The first few names, and how many there are besides."""
    more = len(names) - MOST_NAMED
    named = ", ".join(f"{n!a}"[1:-1] for n in names[:MOST_NAMED])
    return named + (f" and {more} more" if more > 0 else "")


def _alike(names: list[str]) -> str:
    """A clause on names that differ in Unicode form alone; may be empty."""
    pairs = differing_in_form(names)
    if not pairs:
        return ""
    one, other = map(ascii, pairs[0])
    return (
        f": {pairs[0][0]} is there in two Unicode forms, {one} and {other}. "
        "If they are one class, give both folders one name"
    )


def _subfolders(folder: pathlib.Path) -> list[str]:
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and not is_hidden(path.name)
    )


def _check_classes(train: pathlib.Path, names: list[str]) -> None:
    if len(names) < 2:
        flat = sum(_is_image(path) for path in _visible(train))
        lie = (
            f"; {counted(flat, 'image lies', 'images lie')} in no class folder"
            if flat
            else ""
        )
        raise UserError(
            f"{train} has {len(names)} class folders, at least two are "
            f"needed: images are expected in train/<class>/{lie}"
        )


def classes_of(
    found: list[str], known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """(class names, labels by the names that are found).

    Args:
        found: names that stand for the classes, sorted; of ImageNet's classes
            these may be WordNet ids.
        known: class names of a network; they are the classes where all that
            are found are among them.
    """
    if known and (labels := _labels_among(known, found)):
        return known, labels
    return english_names(found), {n: label for label, n in enumerate(found)}


def _labels_among(
    known: tuple[str, ...], names: list[str]
) -> dict[str, int] | None:
    """Labels of all known classes by the names that their folders may have;
    None where a folder is of no known class."""
    labels = {name: label for label, name in enumerate(known)}
    for wnid, english in names_by_wnid().items():
        if english in labels:
            labels.setdefault(wnid, labels[english])
    return labels if set(names) <= set(labels) else None


def _visible(folder: pathlib.Path) -> list[pathlib.Path]:
    """All that is in a folder itself and not hidden, sorted."""
    return sorted(folder.glob("[!.]*"))


def _files(
    root: pathlib.Path,
    folder: pathlib.Path,
    labels: dict[str, int],
    lost: Iterable[Damaged],
) -> tuple[list[ImageFile], list[str]]:
    """The images of a split, sorted by class and name, and those not read.

    Args:
        root: folder of the data.
        folder: of the split.
        labels: by the names of its subfolders.
        lost: images that count as if still there, with the size they had.

    Returns:
        ([an `ImageFile` for each], names, as those have them, of images whose
        format is not read).
    """
    gone = {
        path: damaged.bytes
        for damaged in lost
        if (path := _present_path(folder, labels, damaged.name))
    }
    files, left_out, too_large, unread = [], [], [], []
    for name in sorted(labels, key=lambda name: (labels[name], name)):
        place = folder / name
        there = {path for path in gone if path.is_relative_to(place)}
        found = files_below(place) if place.is_dir() else ()
        for path in sorted(there.union(map(pathlib.Path, found))):
            size, written, why = gone.get(path), 0.0, ""
            is_usable = _is_image(path)
            if path not in gone and is_usable:
                size, written, why = state_of(path)
            within = path.relative_to(root).as_posix()
            if why == TOO_LARGE:
                too_large.append(path)
            elif is_other_image_name(path.name):
                unread.append(within)
            elif is_usable and not why:
                files.append(
                    ImageFile(
                        path, within, labels[name], size=size, written=written
                    )
                )
            else:
                left_out.append(path)
    left_out += [p for p in _visible(folder) if p.is_file()]
    if left_out:
        print(
            f"left out {counted(len(left_out), 'file')} in {folder}, no image "
            "by its name, or in no class folder, such as "
            f"{printable(str(left_out[0]))}"
        )
    if too_large:
        print(
            f"left out {counted(len(too_large), 'file')} in {folder}, each "
            f"{TOO_LARGE}, such as {printable(str(too_large[0]))}"
        )
    if unread:
        print(
            f"left out {counted(len(unread), 'image')} in {folder}, of formats "
            f"that are not read, such as {printable(str(root / unread[0]))}: "
            "save them as JPEG first"
        )
    return files, unread


def _present_path(
    folder: pathlib.Path, labels: dict[str, int], name: str
) -> pathlib.Path | None:
    """Where a lost image would be now: the root may have another name.

    None where it is not in a class folder of the split.

    Args:
        folder: of a split.
        labels: by the names of its subfolders.
        name: the path that the image had.
    """
    parts = pathlib.Path(name).parts
    if ".." in parts:  # it could lead out of the folder
        return None
    for i in range(len(parts) - 2, 0, -1):
        if parts[i] in labels and parts[i - 1] == folder.name:
            return folder.joinpath(*parts[i:])
    return None


def _is_image(path: pathlib.Path) -> bool:
    return is_image_name(path.name) and is_printable(path.name)


def _check_no_class_is_empty(
    train: pathlib.Path, labels: dict[str, int], files: list[ImageFile]
) -> None:
    used = {file.label for file in files}
    for name in _subfolders(train):
        if labels[name] not in used:
            raise UserError(
                f"{train / name} holds no image: add images "
                f"({', '.join(SUFFIXES)}) or remove the class"
            )


def _check_there_are_some(
    validation: pathlib.Path, labels: dict[str, int], files: list[ImageFile]
) -> None:
    """Raises `UserError` without any; says which classes have none."""
    if not files:
        flat = [path for path in _visible(validation) if _is_image(path)]
        if flat and VALIDATION_NAME.fullmatch(flat[0].name):
            raise UserError(
                f"{validation} holds {len(flat)} of ImageNet's validation "
                "images without their classes: move each into "
                "val/<WordNet id>/ by ILSVRC2012_validation_ground_truth.txt "
                "of the development kit (ILSVRC2012_devkit_t12.tar.gz), or "
                "leave them packed and use --config.data.name=imagenet_tars"
            )
        lie = f" ({len(flat)} lie in no class folder)" if flat else ""
        raise UserError(
            f"{validation} holds no image in a class folder{lie}: images are "
            f"expected in {validation.name}/<class>/; add some, or remove "
            "the folder, and a part of the training images is held out"
        )
    used = {file.label for file in files}
    without = sorted({n for n in labels if labels[n] not in used})
    names = {labels[name]: name for name in reversed(without)}
    if names:
        print(
            f"{validation} holds no image of {len(names)} classes: "
            f"{shortened(list(names.values())[::-1])}"
        )
