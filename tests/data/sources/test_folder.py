"""Which folder is which split, and which files in it are images."""

import os

import pytest

from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError


def names(split):
    return [split.key(int(e["id"])) for e in split.examples]


def labels(split):
    return [int(e["label"]) for e in split.examples]


BOTH = {"train/a": 2, "train/b": 2}


@pytest.mark.parametrize(
    "name", ["val", "valid", "validation", "dev", "test", "Valid", "VAL"]
)
def test_the_usual_names_of_validation_images(image_folder, name, capsys):
    root = image_folder({**BOTH, f"{name}/a": 1, f"{name}/b": 1})
    source = load_folder(root)
    assert names(source.validation) == [f"{name}/a/00.bmp", f"{name}/b/00.bmp"]
    said = capsys.readouterr().out
    is_plain = name in ("val", "validation")
    assert said == (
        "" if is_plain else f"{root}: {name}/ holds the validation images\n"
    )


def test_what_is_not_used_is_named(image_folder, capsys):
    root = image_folder(
        {**BOTH, "valid/a": 1, "valid/b": 1, "test/a": 1, "extra": 1}
    )
    source = load_folder(root)
    assert names(source.validation) == ["valid/a/00.bmp", "valid/b/00.bmp"]
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith(
        "valid/ holds the validation images; not used: extra, test"
    )


def test_validation_images_of_some_of_the_classes(image_folder, capsys):
    root = image_folder({**BOTH, "train/c": 2, "val/a": 1, "val/c": 0})
    source = load_folder(root)
    assert source.class_names == ("a", "b", "c")
    assert labels(source.validation) == [0]
    assert "val holds no image of 2 classes: b, c" in capsys.readouterr().out


def test_images_in_folders_of_class_folders(image_folder, capsys):
    root = image_folder(
        {
            "train/a": 1,
            "train/a/2019": 2,
            "train/a/2019/may": 1,
            "train/a/.thumbnails": 3,
            "train/b/only/deep": 2,
        }
    )
    for hidden in (".DS_Store", "2019/._00.bmp"):
        (root / "train/a" / hidden).write_bytes(b"none of ours")
    (root / "train/a/2019/back").symlink_to(root / "train/a")  # a ring
    os.mkfifo(root / "train/a/pipe.png")  # reading it would wait for ever
    source = load_folder(root)
    assert names(source.train) == [
        "train/a/00.bmp",
        "train/a/2019/00.bmp",
        "train/a/2019/01.bmp",
        "train/a/2019/may/00.bmp",
        "train/b/only/deep/00.bmp",
        "train/b/only/deep/01.bmp",
    ]
    said = capsys.readouterr().out
    assert "left out 1 file in" in said
    assert "pipe.png" in said


def test_a_list_is_no_folder(tmp_path):
    (tmp_path / "list.csv").write_text("image,label\n")
    with pytest.raises(UserError, match=r"is a file: .*data\.name=csv"):
        load_folder(tmp_path / "list.csv")


def test_a_file_too_large_to_be_read_is_left_out(image_folder, capsys):
    root = image_folder({"train/a": 1, "train/b": 1})
    with open(root / "train/a/film.bmp", "wb") as file:
        file.truncate(2**30 + 1)  # takes no room on the disk
    found = names(load_folder(root).train)
    assert found == ["train/a/00.bmp", "train/b/00.bmp"]
    said = capsys.readouterr().out
    assert "left out 1 file in" in said
    assert "each larger than 1024 MiB, such as" in said
    assert "film.bmp" in said


def test_class_folders_alone_are_training_images(image_folder):
    root = image_folder({"cats": 2, "dogs": 3})
    source = load_folder(root)
    assert source.class_names == ("cats", "dogs")
    assert labels(source.train) == [0, 0, 1, 1, 1]
    assert source.validation is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({".": 3}, ["holds 3 images", "--mode=predict", "--image="]),
        ({"train": 3, "val/a": 1}, ["3 images lie in no class folder"]),
        ({"train_set/a": 1, "test_set/a": 1}, ["train is not a folder"]),
        ({"val/a": 1, "val/b": 1}, ["train is not a folder"]),
    ],
    ids=str,
)
def test_what_cannot_be_trained_on_is_explained(image_folder, counts, words):
    if "." in counts:
        root = image_folder({"x": counts["."]})
        root = root / "x"
    else:
        root = image_folder(counts)
    with pytest.raises(UserError) as error:
        load_folder(root)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_imagenets_validation_images_unpacked_flat(image_folder):
    root = image_folder({**BOTH, "val": 0})
    for i in (1, 2):
        (root / f"val/ILSVRC2012_val_0000000{i}.JPEG").write_bytes(b"")
    (root / "val/ILSVRC2012_val_00000001.JPEG").rename(
        root / "val/ILSVRC2012_val_00000003.JPEG"
    )
    with pytest.raises(UserError, match="validation_ground_truth"):
        load_folder(root)


KNOWN = ("cat", "dog", "tench")


@pytest.mark.parametrize("top", ["val", "test", "."])
def test_images_to_be_evaluated_need_no_training_images(image_folder, top):
    """Labels are those of the network; n01440764 is a tench."""
    root = image_folder({f"{top}/dog": 1, f"{top}/n01440764": 2})
    source = load_folder(root, known=KNOWN)
    assert source.class_names == KNOWN
    assert labels(source.validation) == [1, 2, 2]
    assert source.train.size == 0
    assert list(source.train.examples) == []


def test_other_classes_to_be_evaluated_stay_what_they_are(image_folder):
    root = image_folder({"val/dog": 1, "val/wolf": 1})
    assert load_folder(root, known=KNOWN).class_names == ("dog", "wolf")
