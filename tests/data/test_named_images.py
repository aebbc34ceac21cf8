"""Lists that stand for the files that they name."""

import csv
import os

import pytest

from alexnet_tf.data.named_images import files_of
from alexnet_tf.errors import UserError

NAMES = ["a.jpg", "sub/b, c.jpg", "gone.jpg", 'sub/"d".jpg']


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in NAMES:
        if name != "gone.jpg":
            (tmp_path / name).touch()
    return tmp_path


def listed(*lists):
    return files_of(map(str, lists), "it needs FILE")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("columns", [["image"], ["label", "Image", "split"]])
def test_a_table(folder, delimiter, columns):
    file = folder / "list.csv"
    with open(file, "w", newline="", encoding="utf-8-sig") as opened:
        writer = csv.writer(opened, delimiter=delimiter)
        writer.writerow(columns)
        for name in NAMES:
            writer.writerow([name if "mage" in c else "x" for c in columns])
    assert listed(file) == [str(folder / name) for name in NAMES]


def test_a_path_a_line(folder, monkeypatch):
    odd = b"caf\xe9.jpg"
    lines = [*map(os.fsencode, NAMES), b"", odd, b"sub\\b, c.jpg", b"/x/y.png"]
    (folder / "list.TXT").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    monkeypatch.chdir(folder)
    assert listed("list.TXT", "a.jpg") == [
        *NAMES,
        os.fsdecode(odd),
        NAMES[1],
        "/x/y.png",
        "a.jpg",
    ]
    address = "https://example.org/a.jpg"
    (folder / "net.txt").write_text(address)
    assert listed(folder / "net.txt") == [address]


def test_lists_in_a_folder_are_no_images(folder, capsys):
    (folder / "list.txt").write_text("gone.jpg")
    there = [name for name in NAMES if name != "gone.jpg"]
    assert listed(folder) == sorted(str(folder / name) for name in there)
    assert "left out 1 file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"file,label\nx.jpg,cat\n", "name the column image"),
        ("a.csv", b"", "is empty: the first line"),
        ("a.csv", b"image,label\nx.jpg,cat\n,dog\n", "line 3 names no image"),
        ("a.csv", b"image\ncaf\xe9.jpg\n", "is not UTF-8"),
        ("a.txt", b"x.jpg\0y.jpg", "is no list of paths"),
        ("a.txt", b"\n\n", "it needs FILE, several files, a list of them"),
    ],
)
def test_faults_of_lists_are_told_in_one_line(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=told) as error:
        listed(tmp_path / name)
    assert "\n" not in str(error.value)


def test_broken_links_are_images_and_pipes_are_left_out(tmp_path, capsys):
    for name in ("gone.jpg", "self.jpg"):
        (tmp_path / name).symlink_to(tmp_path / name.replace("gone", "not"))
    os.mkfifo(tmp_path / "pipe.jpg")
    found = files_of([str(tmp_path)], "needs an image")
    assert found == [str(tmp_path / n) for n in ("gone.jpg", "self.jpg")]
    assert (
        f"no regular file: {tmp_path / 'pipe.jpg'}" in capsys.readouterr().err
    )


def test_the_table_that_is_written_is_no_news(folder, capsys):
    table = folder / "out.csv"
    table.touch()
    files = files_of([str(folder)], "it needs FILE", str(table))
    assert files == sorted(
        str(folder / name) for name in NAMES if name != "gone.jpg"
    )
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["photos", "list.csv", "photos/sub"])
def test_a_folder_or_list_that_is_not_there_is_told_at_once(folder, name):
    with pytest.raises(UserError, match=f"there is no .*{name}$"):
        listed(folder / "a.jpg", folder / name)
    # A single image is told of in its place.
    gone = str(folder / "gone.jpg")
    assert listed(gone, "gone.heic", "https://example.org/x") == [
        *(gone, "gone.heic", "https://example.org/x"),
    ]


def test_linked_folders_are_entered_once(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "e.png").touch()
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (elsewhere / "again").symlink_to(elsewhere)
    there = [name for name in NAMES if name != "gone.jpg"]
    assert sorted(listed(folder)) == sorted(
        str(folder / name) for name in [*there, "linked/e.png"]
    )
