"""Two results of a benchmark, compared."""

import json

import pytest

from benchmarks import compare

OLD = {
    "images_per_second": {"ours": 80.0, "theirs": 20.0},
    "seconds": 1.0,
    "ratio_to_pytorch": 4.0,
    "spread": {"ratio_to_pytorch": [3.5, 4.5]},
    "batch_size": 128,
    "name": "x",
    "ok": True,
    "nothing": 0.0,
}
NEW = {
    "images_per_second": {"ours": 40.0, "theirs": 25.0},
    "seconds": 0.9,
    "ratio_to_pytorch": 4.2,
    "spread": {"ratio_to_pytorch": [3.9, 4.6]},
    "batch_size": 64,
    "only_here": 1.0,
    "nothing": 1.0,
}


@pytest.fixture
def files(tmp_path):
    for name, result in (("old", OLD), ("new", NEW)):
        (tmp_path / name).write_text(f"a table\n{json.dumps(result)}\n")
    return str(tmp_path / "old"), str(tmp_path / "new")


def test_numbers_in_both_the_largest_change_first(files, capsys):
    assert compare.main(files) == 0
    assert capsys.readouterr().out.splitlines() == [
        "   0.500  batch_size: 128 -> 64",
        "   0.500  images_per_second.ours: 80 -> 40  worse",
        "   1.250  images_per_second.theirs: 20 -> 25  better",
        "   0.900  seconds: 1 -> 0.9  better",
        "   1.050  ratio_to_pytorch: 4 -> 4.2  noise",
    ]


def test_a_change_outside_one_spread_is_none_of_noise():
    new = {**NEW, "spread": {"ratio_to_pytorch": [4.1, 4.6]}}
    [change] = [
        c for c in compare.changes(OLD, new) if c.name == "ratio_to_pytorch"
    ]
    assert change.verdict == "better"


@pytest.mark.parametrize(("limit", "code"), [("1.9", 1), ("2.1", 0)])
def test_too_much_worse_fails(files, limit, code):
    assert compare.main([*files, f"--fail_over={limit}"]) == code


@pytest.mark.parametrize("text", ["", "a table\n", "[1, 2]\n"])
def test_a_file_without_a_result_is_named(files, tmp_path, text):
    (tmp_path / "new").write_text(text)
    with pytest.raises(SystemExit, match="new is no JSON object"):
        compare.main(files)
