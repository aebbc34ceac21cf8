"""Which images are held out, and what a run remembers of them."""

import json
import shutil

import numpy as np
import pytest

from alexnet_tf.data.holdout import choose_holdout
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
    assert "1 images were written since" in capsys.readouterr().out
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
