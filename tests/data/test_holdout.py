"""Which images are held out, and what a run remembers of them."""

import json
import shutil

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from alexnet_tf.data.holdout import choose_holdout, fold_parts
from alexnet_tf.data.image_set import subset, table_split
from alexnet_tf.data.remembered import (
    Remembered,
    check_contents,
    read_remembered,
    write_remembered,
)
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.open_source import load_source
from alexnet_tf.errors import UserError
from configs import paper


def split_of(*sizes):
    """A split of classes of these sizes."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    ids = np.arange(len(labels))
    return table_split({"id": ids, "image": ids, "label": labels}, str)


def held_out_by_class(sizes, share, seed=0):
    split = split_of(*sizes)
    chosen = choose_holdout(split, share, seed)
    return np.bincount(split.table["label"][chosen], minlength=len(sizes))


@pytest.mark.parametrize(
    ("sizes", "share", "expected"),
    [
        ([114, 2], 0.1, [11, 1]),
        ([6] * 18, 0.1, [1] * 18),
        ([1, 1, 30], 0.1, [0, 0, 3]),
        ([2, 2], 0.99, [1, 1]),
        ([100, 50], 0.2, [20, 10]),
        ([5, 1], 0.5, [2, 0]),
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", [0, 7])
def test_each_class_gives_its_share(sizes, share, expected, seed):
    np.testing.assert_array_equal(
        held_out_by_class(sizes, share, seed), expected
    )


def test_the_seed_chooses_and_nothing_else():
    split = split_of(40, 40)
    chosen = [choose_holdout(split, 0.2, seed) for seed in (0, 0, 1, 2)]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert len({c.tobytes() for c in chosen}) == 3


def test_one_image_less_moves_at_most_one():
    split = split_of(60, 60)
    before = set(np.flatnonzero(choose_holdout(split, 0.1, 0)).tolist())
    for gone in (0, 17, next(iter(before))):
        rest = subset(split, np.arange(120) != gone)
        chosen = choose_holdout(rest, 0.1, 0)
        after = set(rest.table["id"][chosen].tolist())
        assert len(after - before) <= 1


def parts_of(split, folds, seed=0):
    parts = fold_parts(split, seed, folds)
    return [parts == fold for fold in range(folds)]


def by_class(split, chosen):
    labels = split.table["label"]
    return np.bincount(labels[chosen], minlength=labels.max() + 1)


@pytest.mark.parametrize("folds", [2, 5, 10])
@pytest.mark.parametrize("sizes", [(40, 20), (31, 17, 11), (10,) * 8])
def test_folds_are_as_even_as_scikit_learns(sizes, folds):
    split = split_of(*sizes)
    parts = parts_of(split, folds)
    np.testing.assert_array_equal(np.sum(parts, axis=0), 1)
    ours = np.array([by_class(split, part) for part in parts])
    labels = split.table["label"]
    theirs = np.array(
        [
            by_class(split, rows)
            for _, rows in StratifiedKFold(folds).split(labels, labels)
        ]
    )
    np.testing.assert_array_equal(np.sort(ours, 0), np.sort(theirs, 0))
    assert np.ptp(ours.sum(axis=1)) <= 1
    other = parts_of(split, folds, seed=1)
    assert any(
        (one != two).any() for one, two in zip(parts, other, strict=True)
    )


def test_the_only_image_of_a_class_is_always_trained_on():
    split = split_of(1, 2, 9)
    held_out = np.sum(parts_of(split, 3), axis=0)
    assert held_out.tolist() == [0] + [1] * 11


def grouped(random, groups, classes, purity):
    """A split of groups, each mostly of one class."""
    labels, names = [], []
    for group in range(groups):
        main = random.integers(classes)
        size = 1 + random.geometric(0.2)
        own = np.where(
            random.random(size) < purity,
            main,
            random.integers(classes, size=size),
        )
        labels += own.tolist()
        names += [f"group {group}"] * size
    split = table_split(
        {
            "id": np.arange(len(labels)),
            "image": np.arange(len(labels)),
            "label": np.array(labels),
        },
        str,
        group_of=lambda i: names[i],
    )
    return split, np.array(names)


def unevenness(split, parts):
    counts = np.array([by_class(split, part) for part in parts])
    return (counts / counts.sum(axis=0)).std(axis=0).mean()


@pytest.mark.parametrize("purity", [1.0, 0.7])
@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_together_and_classes_even(purity, seed):
    random = np.random.default_rng(seed)
    split, names = grouped(random, 120, 4, purity)
    labels = split.table["label"]
    parts = parts_of(split, 5)
    np.testing.assert_array_equal(np.sum(parts, axis=0), 1)
    for part in parts:
        assert not set(names[part]) & set(names[~part])
    theirs = []
    for _, rows in StratifiedGroupKFold(5).split(labels, labels, names):
        theirs.append(np.isin(np.arange(len(labels)), rows))
    assert unevenness(split, parts) < 1.5 * unevenness(split, theirs) + 0.01
    held_out = choose_holdout(split, 0.2, seed)
    assert not set(names[held_out]) & set(names[~held_out])
    np.testing.assert_allclose(
        by_class(split, held_out) / np.bincount(labels), 0.2, atol=0.1
    )


@pytest.mark.parametrize("folds", [0, 2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_training_keeps_some_of_each_class(folds, seed):
    """Few groups of several classes, and one with all images of a class."""
    random = np.random.default_rng(seed)
    split, names = grouped(random, 7, 5, 0.5)
    labels = split.table["label"]
    groups_of = [len(set(names[labels == c])) for c in range(5)]
    for part in (
        parts_of(split, folds) if folds else [choose_holdout(split, 0.1, seed)]
    ):
        kept = by_class(split, ~part)
        assert (kept[np.bincount(labels, minlength=len(kept)) > 0] > 0).all()
        assert not set(names[part]) & set(names[~part])
        for label, count in enumerate(groups_of):
            if count == 1:
                assert not part[labels == label].any()


def test_images_without_a_group_stand_for_themselves():
    names = ["x"] * 10 + [""] * 40
    split, _ = grouped(np.random.default_rng(0), 1, 1, 1.0)
    labels = np.arange(50) % 2
    split = table_split(
        {"id": np.arange(50), "image": np.arange(50), "label": labels},
        str,
        group_of=lambda i: names[i],
    )
    held_out = choose_holdout(split, 0.2, 0)
    assert held_out[:10].all() or not held_out[:10].any()
    assert 8 <= held_out.sum() <= 12


def test_folds_of_a_set_that_has_validation_images(image_folder):
    root = image_folder({"train/a": 2, "train/b": 2, "val/a": 1, "val/b": 1})
    with pytest.raises(UserError, match="holdout_folds is 2") as error:
        load_source(data_config(holdout_folds=2), 0, str(root))
    assert "\n" not in str(error.value)


def test_folds_of_a_folder(image_folder, capsys):
    root = image_folder({"a": 5, "b": 7, "c": 1})
    held_out = []
    for fold in range(3):
        data = data_config(holdout_folds=3, fold=fold)
        source = load_source(data, 0, str(root))
        assert not keys(source.train) & keys(source.validation)
        assert len(keys(source.train) | keys(source.validation)) == 13
        held_out += keys(source.validation)
    assert (
        sorted(held_out)
        == sorted(keys(source.train) | keys(source.validation))[:12]
    )
    said = capsys.readouterr().out
    assert "part 2 of 3 of each class" in said
    assert "no image of 1 class is held out" in said
    assert said.splitlines()[-1].endswith(": c")


@pytest.mark.parametrize(("folds", "most"), [(13, 12), (500, 12)])
def test_every_fold_has_images_before_the_first_is_trained(
    image_folder, folds, most
):
    root = image_folder({"a": 5, "b": 7, "c": 1})
    data = data_config(holdout_folds=folds, fold=0)
    with pytest.raises(UserError) as error:
        load_source(data, 0, str(root))
    assert f"{folds - most} would be empty" in str(error.value)
    assert f"holdout_folds to {most} or less" in str(error.value)
    data = data_config(holdout_folds=most, fold=most - 1)
    assert load_source(data, 0, str(root)).validation.size == 1


def data_config(**changes):
    data = paper.get_config().data
    data.update({"name": "folder", "holdout": 0.2, **changes})
    return data


def keys(split):
    ids, _ = split.ids_and_labels()
    return {split.key(int(number)) for number in ids}


@pytest.fixture
def begun(image_folder, tmp_path):
    """(folder of 30 images, file of a run, what was held out)."""
    root = image_folder({"train/a": 20, "train/b": 10})
    source = load_source(data_config(), 0, str(root))
    file = tmp_path / "images.json"
    write_remembered(file, source)
    return root, file, keys(source.validation)


def open_again(root, file, **more):
    remembered = read_remembered(file)
    return load_source(
        data_config(), 0, str(root), remembered=remembered, **more
    )


def test_the_same_images_are_held_out_again(begun, capsys):
    root, file, held_out = begun
    assert len(held_out) == 6
    capsys.readouterr()
    # Whatever seed and share would choose now.
    source = load_source(
        data_config(holdout=0.5), 9, str(root), remembered=read_remembered(file)
    )
    assert keys(source.validation) == held_out
    assert source.train.size == 24
    assert capsys.readouterr().out == ""


def test_a_moved_folder_with_renamed_and_new_images(begun, capsys):
    root, file, held_out = begun
    moved = root.rename(root.parent / "elsewhere")
    one, other, *_ = sorted(held_out)
    shutil.copy(moved / one, moved / "train/b/new name.bmp")
    (moved / one).unlink()
    for i in range(8):
        shutil.copy(moved / other, moved / f"train/a/more{i}.bmp")
        with open(moved / f"train/a/more{i}.bmp", "ab") as opened:
            opened.write(bytes(i + 1))
    capsys.readouterr()
    source = open_again(moved, file)
    assert keys(source.validation) == held_out - {one} | {
        "train/b/new name.bmp"
    }
    assert capsys.readouterr().out == ""


def test_equal_images_with_new_names_are_each_found(begun, capsys):
    root, file, held_out = begun
    one, other = sorted(held_out)[:2]
    shutil.copy(root / one, root / other)
    remembered = json.loads(file.read_text())
    marks = {name: mark for name, *mark in remembered["held_out"]}
    marks[other] = marks[one]
    remembered["held_out"] = [[name, *mark] for name, mark in marks.items()]
    file.write_text(json.dumps(remembered))
    new = [
        (root / name).with_name(f"new{i}.bmp")
        for i, name in enumerate((one, other))
    ]
    for name, path in zip((one, other), new, strict=True):
        (root / name).rename(path)
    capsys.readouterr()
    assert keys(open_again(root, file).validation) == held_out - {
        one,
        other,
    } | {path.relative_to(root).as_posix() for path in new}
    assert capsys.readouterr().out == ""


def test_what_is_gone_or_changed_is_said(begun, capsys):
    root, file, held_out = begun
    gone, changed, *rest = sorted(held_out)
    (root / gone).unlink()
    content = (root / changed).read_bytes()
    (root / changed).write_bytes(bytes(len(content)))
    capsys.readouterr()
    source = open_again(root, file)
    assert keys(source.validation) == set(rest)
    assert not keys(source.train) & {gone, changed}
    said = capsys.readouterr().out
    assert "of the 6 images" in said
    assert "1 are gone and 1 have other contents" in said


def test_another_set_is_held_out_anew(begun, tmp_path, capsys):
    root, file, _ = begun
    other = tmp_path / "other"
    shutil.copytree(root, other)
    for image in other.glob("train/*/*"):
        image.rename(image.with_name(f"x{image.name}"))
        content = image.with_name(f"x{image.name}")
        content.write_bytes(content.read_bytes() + b" ")
    capsys.readouterr()
    assert open_again(other, file).validation.size == 6
    assert "cannot be told" in capsys.readouterr().out


def test_a_run_of_before_holds_out_what_it_did(image_folder):
    """By place, whatever the class; the numbers are those of such a run."""
    root = image_folder({"train/a": 20, "train/b": 10})
    source = load_source(
        data_config(), 3, str(root), remembered=Remembered(held_out=None)
    )
    ids, _ = source.validation.ids_and_labels()
    assert ids.tolist() == [4, 5, 16, 18, 28, 29]


def test_contents_are_compared(begun, capsys):
    root, file, _ = begun
    source = open_again(root, file)
    check_contents(source, read_remembered(file), file.parent, [])
    capsys.readouterr()
    # Touched, as by copying: said, not refused.
    image = root / sorted(keys(source.train))[0]
    image.write_bytes(image.read_bytes())
    source = open_again(root, file)
    check_contents(source, read_remembered(file), file.parent, [])
    assert "1 image was written since" in capsys.readouterr().out
    for image in root.glob("train/*/*"):
        size = image.stat().st_size
        image.write_bytes(image.read_bytes()[:54].ljust(size, b"\0"))
    source = load_folder(root)
    with pytest.raises(UserError, match="other contents") as refused:
        check_contents(source, read_remembered(file), file.parent, [])
    assert "\n" not in str(refused.value)
    # What the run knows to be damaged is no news.
    damaged = [str(path) for path in root.glob("train/*/*")]
    check_contents(source, read_remembered(file), file.parent, damaged)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 9}', '{"version": 1, "time": "x"}']
)
def test_a_damaged_file_is_one_line(tmp_path, text):
    file = tmp_path / "images.json"
    file.write_text(text)
    with pytest.raises(UserError, match="cannot be read"):
        read_remembered(file)


def test_names_survive(begun):
    _, file, held_out = begun
    values = json.loads(file.read_text())
    assert {name for name, _, _ in values["held_out"]} == held_out
