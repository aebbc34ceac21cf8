"""Lists as people write them, and what is wrong with them."""

import csv
import io
import os
import re
import shutil

import pytest

from alexnet_tf.data.image_set import Damaged
from alexnet_tf.data.remembered import read_remembered, write_remembered
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.data.sources.image_list import load_list
from alexnet_tf.data.sources.open_source import load_source
from alexnet_tf.errors import UserError
from configs import paper

HEADER = ["image", "label", "split"]
ROWS = [
    ["a/00.bmp", "black cat", "train"],
    ["a/01.bmp", "black cat", "val"],
    ["b/1, 2; 3.bmp", 'dog, "big"', "train"],
    ["b/it's one.bmp", 'dog, "big"', "val"],
]


@pytest.fixture
def photographs(image_folder):
    """The four images that `ROWS` names, and a function that lists them."""
    root = image_folder({"a": 2, "b": 2})
    (root / "b/00.bmp").rename(root / ROWS[2][0])
    (root / "b/01.bmp").rename(root / ROWS[3][0])

    def write(rows, header=HEADER, encoding="utf-8", **dialect):
        text = io.StringIO()
        csv.writer(text, **dialect).writerows([header, *rows])
        file = root / "list.csv"
        file.write_bytes(text.getvalue().encode(encoding))
        return file

    write.root = root
    return write


def content(split):
    return [(split.key(int(e["id"])), int(e["label"])) for e in split.examples]


def assert_is_the_list(source):
    assert source.class_names == ("black cat", 'dog, "big"')
    assert content(source.train) == [(ROWS[0][0], 0), (ROWS[2][0], 1)]
    assert content(source.validation) == [(ROWS[1][0], 0), (ROWS[3][0], 1)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ":", "^"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_separators(photographs, separator, quoting):
    file = photographs(ROWS, delimiter=separator, quoting=quoting)
    assert_is_the_list(load_list(file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines_and_marks(photographs, encoding, end):
    file = photographs(ROWS, encoding=encoding, lineterminator=end)
    assert_is_the_list(load_list(file))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_single_quotes(photographs, separator):
    file = photographs(
        ROWS, delimiter=separator, quotechar="'", quoting=csv.QUOTE_ALL
    )
    assert_is_the_list(load_list(file))


def test_a_list_written_by_hand(photographs, capsys):
    """Capitals, spaces, empty rows and columns, another order, a camera's."""
    file = photographs.root / "list.txt"
    file.write_text(
        '\ufeffSplit; Label ;IMAGE;"Taken, on";\n'
        "Train; black cat ; a\\00.bmp;2019;\n"
        "\n;;;;\n"
        "VAL; black cat;a/./01.bmp;2019;\n"
        'train; "dog, ""big""";"b/1, 2; 3.bmp";;\n'
        f'val;"dog, ""big""";{photographs.root}/b/it\'s one.bmp;;\n'
    )
    source = load_list(file)
    assert content(source.train) == [(ROWS[0][0], 0), (ROWS[2][0], 1)]
    assert content(source.validation)[0] == (ROWS[1][0], 0)
    assert source.class_names == ("black cat", 'dog, "big"')
    [line] = capsys.readouterr().out.splitlines()
    assert line == f"{file}: columns that are not used: Taken, on"


def test_quotes_that_the_sniffers_sample_lacks(photographs):
    """Pages of plain names, then one with both quotes and separators."""
    root = photographs.root
    rows = []
    for i in range(300):
        shutil.copy(root / "a/00.bmp", root / f"a/plain{i}.bmp")
        rows.append([f"a/plain{i}.bmp", "black cat", "train"])
    source = load_list(photographs(rows + ROWS))
    assert source.class_names == ("black cat", 'dog, "big"')
    assert source.train.size == 302


def test_a_list_is_what_its_folders_are(photographs, image_folder, tmp_path):
    """Order of the rows and where the list lies change nothing."""
    source = load_list(photographs(ROWS))
    again = load_list(photographs(ROWS[::-1]))
    assert source.fingerprint == again.fingerprint
    moved = photographs.root.rename(tmp_path / "moved")
    there = load_list(moved / "list.csv")
    assert there.fingerprint == source.fingerprint
    assert content(there.train) == content(source.train)
    paths = [path.decode() for path in there.train.table["image"]]
    assert paths == [str(moved / ROWS[0][0]), str(moved / ROWS[2][0])]
    flat = [
        [str(path.relative_to(moved)), path.parent.name]
        for path in moved.glob("[ab]/*")
    ]
    (moved / "list.csv").unlink()
    folders = load_folder(moved)
    file = moved / "flat.csv"
    with open(file, "w", newline="") as opened:
        csv.writer(opened).writerows([["image", "label"], *flat])
    listed = load_list(file)
    assert content(listed.train) == content(folders.train)
    assert listed.fingerprint == folders.fingerprint
    assert listed.validation is None


def faults_of(file, **more):
    with pytest.raises(UserError) as error:
        load_list(file, **more)
    text = str(error.value)
    assert "\n" not in text
    return text


FAULTS = [
    ([*ROWS, ["a/02.bmp", "black cat", "val"]], "missing files: 1", "line 6"),
    ([*ROWS, ["a", "black cat", "val"]], "missing files: 1", "is no file"),
    ([*ROWS, ROWS[0]], "images named twice: 1", "line 6 names a/00.bmp again"),
    (
        [*ROWS, ["./a/00.bmp", 'dog, "big"', "val"]],
        "images named twice: 1",
        'as dog, "big" and not black cat',
    ),
    (ROWS[:3], "classes in one split only: 1", 'dog, "big" (line 4) has no'),
    (ROWS[1:], "classes in one split only: 1", "no row of train"),
    ([*ROWS, ["a/x.bmp", "cat"]], "rows of another length: 1", "has 2 cells"),
    ([*ROWS, ["a/x.bmp", " ", "val"]], "empty cells: 1", "line 6 has no label"),
    ([*ROWS, ["", "x", "val"]], "empty cells: 1", "line 6 has no image"),
    ([*ROWS, ["a/x.bmp", "x", "extra"]], "unknown splits: 1", "'extra'"),
    ([*ROWS, ["a/x.bmp", "x", ""]], "unknown splits: 1", "line 6"),
    ([*ROWS, ["a\x1b.bmp", "x", "val"]], "control characters: 1", r"\x1b"),
]


@pytest.mark.parametrize(("rows", "count", "where"), FAULTS)
def test_each_fault(photographs, rows, count, where):
    text = faults_of(photographs(rows))
    assert " has 1 fault (" in text
    assert count in text
    assert where in text


def test_a_list_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "list.csv")
    assert "list.csv is no file" in faults_of(tmp_path / "list.csv")


def test_a_file_too_large_to_be_read(photographs):
    place = photographs([*ROWS, ["a/film.bmp", "black cat", "val"]])
    with open(place.parent / "a" / "film.bmp", "wb") as file:
        file.truncate(2**30 + 1)  # takes no room on the disk
    assert "film.bmp is larger than 1024 MiB" in faults_of(place)


@pytest.mark.parametrize("by", ["path", "link"])
def test_an_image_named_in_two_ways_is_named_twice(photographs, by):
    again = photographs(ROWS).parent / ROWS[0][0]
    if by == "link":
        again.parent.with_name("link").symlink_to(again.parent)
        again = again.parent.with_name("link") / again.name
    text = faults_of(photographs([*ROWS, [str(again), "black cat", "val"]]))
    assert "has 1 fault (images named twice: 1)" in text


def test_faults_are_counted_and_three_are_named(photographs):
    rows = ROWS + [[f"a/{i}.bmp", "black cat", "val"] for i in range(10, 19)]
    text = faults_of(photographs([*rows, ROWS[0], ["a/x.bmp", "x", "odd"]]))
    assert (
        "has 11 faults (missing files: 9, images named twice: 1, "
        "unknown splits: 1)" in text
    )
    # In the order of the lines, whatever their kind.
    assert re.findall(r"line \d+", text) == ["line 6", "line 7", "line 8"]
    assert text.endswith("; and 8 more")


def test_a_group_in_both_splits(photographs):
    header = [*HEADER, "Group"]
    groups = ["one", "two", "three", "three"]
    rows = [[*row, group] for row, group in zip(ROWS, groups, strict=True)]
    text = faults_of(photographs(rows, header))
    assert "1 fault (groups in both splits: 1): group three is in train" in text
    rows[3][3] = ""
    rows[2][3] = ""
    source = load_list(photographs(rows, header))
    assert [source.train.group_of(i) for i in range(2)] == ["one", ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"file,class\na/00.bmp,x\n", "begins with file,class: the first line"),
        (b"a/00.bmp,x\n", "the first line has to name"),
        (b"image,label,label\n", "begins with"),
        (b"image,label,split,split\na,b,c,d\n", "two columns named split"),
        ("image,label\nä,x\n".encode("utf-16"), "not UTF-8"),
        ("image,label\nä,x\n".encode("latin-1"), "not UTF-8 (byte 12)"),
        (b'image,label\n"a/00.bmp,x\n', "line 2: unexpected end of data"),
        (b"image,label\n", "names no image of train"),
        (b"image,label\na/00.bmp,x\n", "has the one class x"),
        (b"image,label,split\na/00.bmp,x,val\n", "no row of train"),
    ],
)
def test_what_is_no_list(photographs, text, words):
    file = photographs.root / "list.csv"
    file.write_bytes(text)
    assert words in faults_of(file)


def test_paths_that_are_no_list(tmp_path):
    assert "needs --data_dir=LIST.csv" in faults_of(None)
    assert "data.name=folder" in faults_of(tmp_path)
    assert "cannot be read" in faults_of(tmp_path / "none.csv")


def test_which_split_validates(photographs, capsys):
    rows = [list(row) for row in ROWS] + [["a/gone.bmp", "black cat", "test"]]
    source = load_list(photographs(rows))
    assert source.validation.size == 2
    said = capsys.readouterr().out
    assert "the split val validates; not used: test" in said


def test_classes_that_differ_in_capitals(photographs, capsys):
    rows = [[row[0], label] for row, label in zip(ROWS, "aAbb", strict=True)]
    assert load_list(photographs(rows, HEADER[:2])).class_names == (
        *("A", "a", "b"),
    )
    assert "has the classes A and a" in capsys.readouterr().out


KNOWN = ("black cat", 'dog, "big"', "tench")


def test_images_to_be_evaluated(photographs):
    """Training images need not be there, and labels are the network's."""
    rows = [["a/gone.bmp", "black cat", "train"], *ROWS[1:]]
    source = load_list(photographs(rows), known=KNOWN)
    assert source.class_names == KNOWN
    assert content(source.validation) == [(ROWS[1][0], 0), (ROWS[3][0], 1)]
    source = load_list(
        photographs([[ROWS[2][0], "tench"]], HEADER[:2]), known=KNOWN
    )
    assert content(source.validation) == [(ROWS[2][0], 2)]
    assert source.train.size == 0
    gone = [["a/gone.bmp", "black cat", "val"]]
    assert "missing files: 1" in faults_of(photographs(gone), known=KNOWN)


@pytest.mark.parametrize("name", ["csv", "folder"])
def test_a_run_is_evaluated_on_what_it_held_out(image_folder, tmp_path, name):
    """Also where nothing says which images are for training."""
    root = image_folder({"cat": 10, "dog": 20})
    where = root
    if name == "csv":
        where = root / "list.csv"
        rows = [
            f"{p.parent.name}/{p.name},{p.parent.name}"
            for p in root.glob("*/*")
        ]
        where.write_text("\n".join(["image,label", *rows]))
    data = paper.get_config().data
    data.update({"name": name, "holdout": 0.2})
    begun = load_source(data, 0, str(where))
    write_remembered(tmp_path / "images.json", begun)
    remembered = read_remembered(tmp_path / "images.json")
    again = load_source(
        data, 0, str(where), remembered=remembered, known=begun.class_names
    )
    assert again.fingerprint == begun.fingerprint
    assert content(again.validation) == content(begun.validation)
    assert again.validation.size == 6
    other = load_source(data, 0, str(where), known=begun.class_names)
    assert other.validation.size == 30


def test_lost_images_keep_their_places(photographs):
    file = photographs(ROWS)
    whole = load_list(file)
    size = (photographs.root / ROWS[0][0]).stat().st_size
    (photographs.root / ROWS[0][0]).unlink()
    assert "missing files: 1" in faults_of(file)
    lost = Damaged(0, str(photographs.root / ROWS[0][0]), "gone", size)
    source = load_list(file, lost=[lost])
    assert source.fingerprint == whole.fingerprint
    assert re.fullmatch("[0-9a-f]{64}", source.fingerprint)


def test_classes_that_differ_in_unicode_form(photographs, capsys):
    forms = {"a": "caf\u00e9", "b": "cafe\u0301"}
    rows = [
        [row[0], forms[label]] for row, label in zip(ROWS, "abab", strict=True)
    ]
    assert len(load_list(photographs(rows, HEADER[:2])).class_names) == 2
    said = capsys.readouterr().out
    assert r"('cafe\u0301' and 'caf\xe9')" in said
