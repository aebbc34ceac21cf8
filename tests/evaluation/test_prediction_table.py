"""The table that grows: read back with the csv module, cut off anywhere."""

import csv
import multiprocessing
import os
import re
import subprocess
import sys

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.prediction_table import COLUMNS, NONE, fill_table

HEADER = (
    "file,class,probability,class_1,probability_1,class_2,probability_2,"
    "class_3,probability_3,class_4,probability_4,class_5,probability_5,"
    "error,network"
)
FILES = [f"photos/{i}.jpg" for i in range(6)]


class Network:
    """Predicts by a file's last digit, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.broken, self.names = [], set(), ("cat", "=dog", "é,2")

    def __call__(self, files):
        for file in files:
            self.asked.append(file)
            if file in self.broken:
                yield {"file": file, "error": "no image"}
                continue
            first = 0.4 + int(file[-5]) / 10
            rest = 1 - first
            yield {
                "file": file,
                "classes": list(self.names),
                "probabilities": [first, 0.75 * rest, 0.25 * rest],
            }


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def table(tmp_path):
    return tmp_path / "out.csv"


def fill(table, network, files=FILES, name="a1", threshold=0.0):
    return fill_table(
        table,
        files=files,
        results_of=network,
        network=name,
        threshold=threshold,
    )


def rows_of(table):
    with open(table, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_the_layout(table, network):
    network.broken.add(FILES[1])
    failed = fill(table, network, FILES[:2])
    assert [result["file"] for result in failed] == [FILES[1]]
    assert table.read_text().splitlines() == [
        HEADER,
        "photos/0.jpg,cat,0.4,cat,0.4,'=dog,0.44999999999999996,"
        '"é,2",0.15,,,,,,a1',
        "photos/1.jpg,,,,,,,,,,,,,no image,a1",
    ]


def test_cut_off_at_any_byte_it_ends_as_if_never_stopped(
    table, network, tmp_path
):
    fill(table, network)
    whole = table.read_bytes()
    rows = rows_of(table)
    ends = [m.end() for m in re.finditer(b"\n", whole)]
    for cut in range(len(whole)):
        part = tmp_path / "part.csv"
        part.write_bytes(whole[:cut])
        network.asked.clear()
        fill(part, network)
        assert part.read_bytes() == whole
        there = max(0, sum(end <= cut for end in ends) - 1)
        assert network.asked == FILES[there:]
    assert len(rows) == len(FILES)


def test_a_finished_table_is_left_as_it_is(table, network, capsys):
    fill(table, network)
    written = table.read_bytes(), table.stat().st_mtime_ns, table.stat().st_ino
    network.asked.clear()
    fill(table, network)
    assert network.asked == []
    assert written == (
        table.read_bytes(),
        table.stat().st_mtime_ns,
        table.stat().st_ino,
    )
    assert "has 6 files of 6 already" in capsys.readouterr().out


def test_what_failed_is_tried_again(table, network):
    network.broken = {FILES[0], FILES[3]}
    fill(table, network)
    network.broken = {FILES[3]}
    network.asked.clear()
    fill(table, network, [*FILES[1:], "more/9.jpg"])
    # The first file is not asked for: its row stays.
    assert network.asked == [FILES[3], "more/9.jpg"]
    rows = rows_of(table)
    errors = [row["file"] for row in rows if row["error"]]
    assert errors == [FILES[0], FILES[3]]
    assert sorted(r["file"] for r in rows) == sorted([*FILES, "more/9.jpg"])
    network.broken.clear()
    fill(table, network)
    assert not any(row["error"] for row in rows_of(table))
    assert len(rows_of(table)) == 7


def test_below_the_threshold_it_is_none_of_these(table, network, capsys):
    fill(table, network, threshold=0.6)
    rows = rows_of(table)
    assert [r["class"] for r in rows] == [NONE] * 2 + ["cat"] * 4
    assert NONE == "none of these"
    for row in rows:
        assert row["class_1"] == "cat"
        assert row["probability"] == row["probability_1"]
    assert "6 files predicted, 2 of them none of these" in (
        capsys.readouterr().out
    )
    fill(table, network, [*FILES, "more/0.jpg"], threshold=0.6)
    assert rows_of(table)[:-1] == rows
    with pytest.raises(UserError, match=r"line 2: .*another --threshold"):
        fill(table, network)
    with pytest.raises(UserError, match=r"line 4: .*another --threshold"):
        fill(table, network, threshold=0.7)
    assert len(rows_of(table)) == 7


def test_a_class_with_that_name(table, network):
    network.names = ("cat", NONE, "dog")
    with pytest.raises(UserError, match="leave --threshold out"):
        fill(table, network, threshold=0.5)
    assert not table.exists()
    fill(table, network)
    assert len(rows_of(table)) == len(FILES)


def test_another_network_is_refused(table, network):
    fill(table, network, FILES[:2])
    before = table.read_bytes()
    with pytest.raises(UserError, match="another network, a1, and not of b2"):
        fill(table, network, name="b2")
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"image,label\na.jpg,cat\n", "no table of predictions"),
        (b"notes", "no table of predictions"),
        (b"\xff\xd8\xff\xe0\n\x80\n", "no table of predictions"),  # a JPEG
        (HEADER.encode() + b"\na.jpg,cat,0.5\n", "line 2, has 3 cells"),
        (
            HEADER.encode() + b"\na.jpg,cat,much,cat" + b"," * 10 + b",a1\n",
            "probability much is no number",
        ),
    ],
)
def test_other_files_are_refused_and_kept(table, network, content, told):
    table.write_bytes(content)
    with pytest.raises(UserError, match=told) as error:
        fill(table, network)
    assert "\n" not in str(error.value)
    assert table.read_bytes() == content
    assert network.asked == []


def test_a_spreadsheets_mark_and_ends_of_lines(table, network):
    fill(table, network, FILES[:3])
    text = table.read_text()
    table.write_text(text.replace("\n", "\r\n"), "utf-8-sig", newline="")
    network.asked.clear()
    fill(table, network)
    assert network.asked == FILES[3:]
    with open(table, newline="", encoding="utf-8-sig") as file:
        assert [row["file"] for row in csv.DictReader(file)] == FILES


def test_names_are_escaped_and_known_again(table, network):
    odd = [os.fsdecode(b"caf\xe9/1.jpg"), "a\nb/2.jpg", "=1+1/3.jpg", "é/4.jpg"]
    fill(table, network, odd)
    written = [r"caf\xe9/1.jpg", r"a\nb/2.jpg", "'=1+1/3.jpg", "é/4.jpg"]
    assert [row["file"] for row in rows_of(table)] == written
    content = table.read_bytes()
    network.asked.clear()
    fill(table, network, [*odd, *odd])
    assert network.asked == []
    table.write_bytes(content[:-3])
    fill(table, network, odd)
    assert table.read_bytes() == content
    with pytest.raises(UserError, match="rename one of them"):
        fill(table, network, [odd[1], r"a\nb/2.jpg"])


def _hold(table, begun, may_end):
    def slow(files):
        begun.set()
        assert may_end.wait(60)
        yield from Network()(files)

    fill(table, slow)


def test_two_processes_do_not_write_one_table(table, network):
    spawn = multiprocessing.get_context("spawn")
    begun, may_end = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(table, begun, may_end))
    other.start()
    try:
        assert begun.wait(60)
        with pytest.raises(UserError, match="another process writes it"):
            fill(table, network)
    finally:
        may_end.set()
        other.join()
    assert other.exitcode == 0
    assert [row["file"] for row in rows_of(table)] == FILES


def test_where_it_cannot_be_written(tmp_path, network):
    with pytest.raises(UserError, match="cannot be written: No such file"):
        fill(tmp_path / "absent" / "out.csv", network)
    with pytest.raises(UserError, match="cannot be written: Is a directory"):
        fill(tmp_path, network)
    assert tuple(HEADER.split(",")) == COLUMNS


# What a full disk does: a file cannot grow beyond 300 bytes.
ON_A_FULL_DISK = """
import resource, sys
from alexnet_tf.check.image_facts import FactsFile, ImageFacts
from alexnet_tf.errors import UserError
from tests.evaluation.test_prediction_table import Network, fill
import pathlib

def told(write):
    try:
        write()
    except UserError as error:
        print(error)

def add_facts():
    with FactsFile(pathlib.Path(sys.argv[2])) as store:
        store.add(ImageFacts(f"{i}.jpg", "") for i in range(99))

resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
told(lambda: fill(sys.argv[1], Network()))
told(add_facts)
"""


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_keeps_what_is_there(
    table, network, tmp_path
):
    facts = tmp_path / "images.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(table), str(facts)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in done.stdout.splitlines() if "written" in line] == [
        f"{table} cannot be written: File too large",
        f"{facts} cannot be written: File too large",
    ]
    fill(table, network)
    assert [row["file"] for row in rows_of(table)] == FILES


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_has_no_end_is_refused(network, tmp_path, kind):
    path = "/dev/full"
    if kind == "pipe":
        path = tmp_path / "pipe.csv"
        os.mkfifo(path)
    with pytest.raises(UserError, match="is no regular file"):
        fill(path, network)
    assert network.asked == []
