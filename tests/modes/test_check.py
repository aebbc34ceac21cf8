"""--mode=check: what was planted in a folder is found, and nothing else."""

import collections
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.check import image_facts
from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from configs import demo
from modes import check

NOTHING = {
    key: 0
    for key in (
        *("unusable", "unread", "leaks", "near_leaks", "two_labels"),
        *("near_two_labels", "duplicates", "near_duplicates", "blank"),
        *("small", "extreme", "imbalance", "one_split_only", "names"),
    )
}


def picture(random, width=200, height=150):
    """An image with large shapes, as photographs have them."""
    pixels = random.integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """train/ with 12 different images of two classes, val/ with 3. Sound."""
    random = np.random.default_rng(0)
    root = tmp_path / "images"
    for split, count in (("train", 12), ("val", 3)):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                picture(random).save(root / split / name / f"{i}.png")
    return root


@pytest.fixture
def run_check(folder, tmp_path):
    """Function that checks the folder: (exit code, what check.json has)."""

    def run(**flags):
        code = check.main(options_for(folder, tmp_path / "out", **flags))
        return code, json.loads((tmp_path / "out" / "check.json").read_text())

    return run


def options_for(folder, out, **flags):
    config = demo.get_config()
    config.data.name = "folder"
    return Options(
        config=config, data_dir=str(folder), check_dir=str(out), **flags
    )


def counts(result):
    return {key: f["count"] for key, f in result["findings"].items()}


def names(result, key):
    """The names of each match, or of each image; texts as they are."""
    return [
        item
        if isinstance(item, str)
        else {i["name"] for i in item["images"]}
        if "images" in item
        else item["name"]
        for item in result["findings"][key]["found"]
    ]


def copy(folder, source, target):
    (folder / target).write_bytes((folder / source).read_bytes())


def near_copy(folder, source, target):
    """Half as wide and high, and saved as JPEG."""
    image = Image.open(folder / source)
    half = image.resize((image.width // 2, image.height // 2))
    half.save(folder / target, quality=60)


def test_a_sound_folder_has_no_findings(run_check, folder, tmp_path, capsys):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code, result = run_check(strict=True)
    assert code == 0
    assert counts(result) == NOTHING
    assert result["images"] == {"train": 24, "validation": 6}
    assert result["classes"][0] == {
        "name": "cat",
        "train": 12,
        "validation": 3,
        "width": 200,
        "height": 150,
    }
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    assert "cat       12           3" in capsys.readouterr().out


PLANTED = {
    "unusable": ["train/cat/broken.jpg", "train/cat/long.png"],
    "unread": ["train/dog/phone.HEIC", "val/cat/scan.tif"],
    "leaks": [{"train/cat/0.png", "val/cat/leak.png"}],
    "near_leaks": [{"train/dog/1.png", "val/dog/near.jpg"}],
    "two_labels": [{"train/cat/2.png", "train/dog/two.png"}],
    "near_two_labels": [{"train/dog/3.png", "train/cat/near.jpg"}],
    "duplicates": [
        {"train/dog/4.png", "train/dog/copy.png", "train/dog/third.png"}
    ],
    "near_duplicates": [{"train/cat/5.png", "train/cat/again.jpg"}],
    "blank": ["train/cat/flat1.png", "train/cat/flat2.png"],
    "small": ["train/cat/small.png"],
    "extreme": ["train/dog/wide.png"],
}


@pytest.fixture
def planted(folder):
    """The folder with each fault, as `PLANTED` has them, and of classes."""
    random = np.random.default_rng(1)
    for source, target in (
        ("train/cat/0.png", "val/cat/leak.png"),
        ("train/cat/2.png", "train/dog/two.png"),
        ("train/dog/4.png", "train/dog/copy.png"),
        ("train/dog/4.png", "train/dog/third.png"),
    ):
        copy(folder, source, target)
    for source, target in (
        ("train/dog/1.png", "val/dog/near.jpg"),
        ("train/dog/3.png", "train/cat/near.jpg"),
        ("train/cat/5.png", "train/cat/again.jpg"),
    ):
        near_copy(folder, source, target)
    (folder / "train/cat/broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    picture(random, 1000, 40).save(folder / "train/cat/long.png")
    (folder / "train/dog/phone.HEIC").write_bytes(b"1234ftypheic")
    (folder / "train/dog/notes.txt").write_text("no image")
    picture(random).save(folder / "val/cat/scan.tif")
    picture(random, 60, 80).save(folder / "train/cat/small.png")
    picture(random, 400, 100).save(folder / "train/dog/wide.png")
    for i, grey in enumerate((40, 200), 1):
        flat = Image.new("RGB", (100, 100), (grey, grey, 90))
        flat.save(folder / f"train/cat/flat{i}.png")
    for place in ("train/Hot dog", "val/hot-dog"):
        (folder / place).mkdir()
        picture(random).save(folder / place / "0.png")
    return folder


def test_all_that_is_planted_is_found_and_nothing_else(
    planted, run_check, tmp_path, capsys
):
    code, result = run_check()
    assert code == 0
    for key, expected in PLANTED.items():
        found = names(result, key)
        assert sorted(found, key=str) == sorted(expected, key=str), key
    assert counts(result) == {
        **{key: len(found) for key, found in PLANTED.items()},
        **{"two_labels": 2, "near_two_labels": 2, "duplicates": 3},
        **{"near_duplicates": 2, "imbalance": 1, "one_split_only": 2},
        "names": 1,
    }
    [unbalanced] = result["findings"]["imbalance"]["found"]
    assert unbalanced == "Hot dog: 1 of 17"
    assert result["findings"]["names"]["found"] == ["Hot dog, hot-dog"]
    [broken] = [
        image
        for image in result["findings"]["unusable"]["found"]
        if image["name"].endswith("broken.jpg")
    ]
    assert broken["error"].startswith("not a JPEG, PNG")
    assert "train/cat/0.png = val/cat/leak.png" in capsys.readouterr().out
    page = (tmp_path / "out" / "check.html").read_text("utf-8")
    # Each image of a match, and each single image that can be decoded.
    assert page.count("<img ") == 5 * 2 + 3 + 4
    assert "train/cat/broken.jpg" in page


def test_strict_is_an_exit_code(planted, run_check):
    assert run_check(strict=True)[0] == 1


def test_a_folder_of_class_folders_alone(folder, run_check):
    copy(folder, "train/cat/0.png", "train/cat/copy.png")
    (folder / "train").rename(folder.parent / "train")
    for split in ("val", "train"):
        if (folder / split).exists():
            for path in folder.joinpath(split).glob("*/*"):
                path.unlink()
    images = folder.parent / "train"
    code = check.main(options_for(images, folder.parent / "other"))
    result = json.loads((folder.parent / "other/check.json").read_text())
    assert code == 0
    # It is in one split or in both: which images are held out is drawn.
    leak_or_copy = [*names(result, "leaks"), *names(result, "duplicates")]
    assert leak_or_copy == [{"cat/0.png", "cat/copy.png"}]
    assert sum(result["images"].values()) == 25


def test_an_empty_class_is_a_finding(folder, run_check):
    (folder / "train" / "void").mkdir()
    code, result = run_check(strict=True)
    assert code == 1
    assert counts(result) == {**NOTHING, "one_split_only": 1}
    [told] = result["findings"]["one_split_only"]["found"]
    assert told == "void: 0 train, 0 validation"


def test_a_list_of_images(folder):
    """Beside the images, where it may write, and with paths of its own."""
    copy(folder, "train/cat/0.png", "val/cat/leak.png")
    lines = [
        f"{path.relative_to(folder)},{path.parent.name},{path.parts[-3]}"
        for path in folder.rglob("*.png")
    ]
    file = folder / "list.csv"
    file.write_text("\n".join(["image,label,split", *lines]))
    options = options_for(file, folder / "out", strict=True)
    options.config.data.name = "csv"
    assert check.main(options) == 1
    result = json.loads((folder / "out" / "check.json").read_text())
    assert counts(result) == {**NOTHING, "leaks": 1}
    assert names(result, "leaks") == [{"train/cat/0.png", "val/cat/leak.png"}]


def test_without_the_library_exact_copies_are_found(
    planted, run_check, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "imagehash", None)
    _, result = run_check()
    for key, expected in PLANTED.items():
        if not key.startswith("near"):
            found = names(result, key)
            assert sorted(found, key=str) == sorted(expected, key=str)
        else:
            assert result["findings"][key]["count"] is None
    assert "pip install --group check" in capsys.readouterr().out
    monkeypatch.undo()
    # What was left out is found as soon as it is installed.
    assert names(run_check()[1], "near_leaks") == PLANTED["near_leaks"]


KILLED = """
import os, signal, sys
from alexnet_tf.check import image_facts
from modes import check
from tests.modes.test_check import options_for
image_facts.AT_ONCE = 5
add, calls = image_facts.FactsFile.add, []
def add_and_die(self, found):
    add(self, found)
    calls.append(1)
    if len(calls) == 3:
        self._file.write(b'{"key": "train/cat/9')  # in the middle of a line
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
image_facts.FactsFile.add = add_and_die
check.main(options_for(sys.argv[1], sys.argv[2]))
"""


@pytest.mark.slow
def test_it_goes_on_after_a_kill_and_sees_what_changed(
    folder, run_check, tmp_path, monkeypatch
):
    process = subprocess.run(
        [sys.executable, "-c", KILLED, folder, tmp_path / "out"],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert not (tmp_path / "out" / "check.json").exists()
    hashed = collections.Counter()
    looked_at = image_facts._looked_at

    def counting(bare, *arguments):
        hashed[bare.key] += 1
        return looked_at(bare, *arguments)

    monkeypatch.setattr(image_facts, "_looked_at", counting)
    _, result = run_check()
    assert counts(result) == NOTHING
    assert hashed.total() == 30 - 15
    hashed.clear()
    copy(folder, "train/dog/3.png", "train/dog/7.png")
    _, result = run_check()
    assert list(hashed) == ["train/dog/7.png"]
    assert names(result, "duplicates") == [
        {"train/dog/3.png", "train/dog/7.png"}
    ]
    hashed.clear()
    run_check()
    assert not hashed


@pytest.mark.parametrize("value", ["zz", "0", 5, "g" * 16])
def test_facts_that_no_image_has_are_measured_again(
    folder, run_check, tmp_path, value
):
    _, first = run_check()
    [facts] = tmp_path.rglob("images.jsonl")
    header, line, *rest = facts.read_text().splitlines()
    damaged = json.dumps({**json.loads(line), "phash": value})
    facts.write_text("\n".join([header, damaged, *rest]) + "\n")
    _, again = run_check()
    assert counts(again) == counts(first)
    assert facts.read_text().splitlines()[1] != damaged


def test_a_mended_file_is_no_longer_found(folder, run_check):
    """Permissions may be given without a change of the file itself."""
    file = folder / "train/cat/3.png"
    content, state = file.read_bytes(), file.stat()
    file.write_bytes(b"x" * len(content))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert names(run_check()[1], "unusable") == ["train/cat/3.png"]
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert counts(run_check()[1]) == NOTHING


def test_nothing_is_written_among_the_images(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match="name another with --check_dir"):
        check.main(options_for(folder, folder / "out"))
    options = options_for(".", None)
    options.check_dir = None
    with pytest.raises(UserError, match="--check_dir"):
        check.main(options)
    assert {path.name for path in folder.iterdir()} == {"train", "val"}


def test_fifty_thousand_images_are_a_matter_of_minutes(tmp_path):
    """At most 24 ms of CPU time each: ten minutes of two cores."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(200):
            picture(random).save(tmp_path / "images" / name / f"{i}.jpg")
    options = options_for(tmp_path / "images", tmp_path / "out")
    start = time.process_time()
    assert check.main(options) == 0
    assert time.process_time() - start < 400 * 0.024
