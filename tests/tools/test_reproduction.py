"""The table of docs/reproduction.md is that of the stored results."""

import dataclasses
import json
import re

import pytest

from alexnet_tf.options import MODES
from tools import reproduction
from tools.reproduction import Claim, read_measurement, verdict


@pytest.fixture(params=sorted(reproduction.RESULTS.glob("*.json")), ids=str)
def measurement(request):
    return read_measurement(request.param)


def test_the_page_has_the_table_of_the_files():
    assert reproduction.main(["--check"]) == 0


def test_every_row_of_the_page_has_its_number_in_a_file():
    """Read from the page itself, cell by cell."""
    page = reproduction.PAGE.read_text()
    table = page.split(reproduction.BEGIN)[1].split(reproduction.END)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if re.match(r"\| [0-9]", line)
    ]
    stored = [
        (claim, number)
        for number, path in enumerate(
            sorted(reproduction.RESULTS.glob("*.json")), 1
        )
        for claim in json.loads(path.read_text())["claims"]
    ]
    assert len(cells) == len(stored)
    for section, name, paper, ours, interval, _, command in cells:
        [claim] = [
            claim
            for claim, number in stored
            if (claim["section"], claim["claim"], str(number))
            == (section, name, command)
        ]
        pairs = [(paper, claim["paper"]), (ours, claim["ours"])]
        pairs += zip(
            interval.split(" to "), claim.get("interval") or [], strict=False
        )
        for shown, number in pairs:
            if isinstance(number, int | float):
                [text] = re.findall(r"-?[\d,]+\.?\d*", shown)
                digits = len(text.partition(".")[2])
                assert float(text.replace(",", "")) == round(number, digits)
            else:
                assert shown == (number or "")


def test_commands_name_what_there_is(measurement):
    words = f"{measurement.command} {measurement.conditions}"
    for name in re.findall(r"(?:configs|tests)/[a-z_\d/]+(?:\.py)?", words):
        assert (reproduction.ROOT / name).exists()
    for name in re.findall(r"--mode=(\w+)", words):
        assert name in MODES
    for name in re.findall(r"-m benchmarks\.(\w+)", words):
        assert (reproduction.ROOT / "benchmarks" / f"{name}.py").exists()


POINTS = Claim(section="3", claim="c", kind="difference", paper=2.0, ours=3.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interval": (1.5, 4.0)}, "confirmed"),
        ({"interval": (2.5, 4.0)}, "same sign, another size"),
        ({"interval": (2.5, 4.0), "at_least": True}, "confirmed"),
        (
            {"ours": 1.0, "interval": (0.5, 1.5), "at_least": True},
            "same sign, another size",
        ),
        ({"interval": (-0.5, 4.0)}, "not told apart"),
        ({"ours": -1.0, "interval": (-2.0, -0.5)}, "contradicted"),
        ({"paper": -2.0, "interval": (2.5, 4.0)}, "contradicted"),
        ({}, "no interval"),
        ({"ours": None}, "not run"),
        (
            {
                "kind": "ratio",
                "paper": 6.0,
                "ours": 0.8,
                "interval": (0.7, 0.9),
            },
            "contradicted",
        ),
        (
            {
                "kind": "ratio",
                "paper": 6.0,
                "ours": 5.0,
                "interval": (4.0, 7.0),
            },
            "confirmed",
        ),
        (
            {"kind": "ratio", "ours": 1.1, "interval": (0.9, 3)},
            "not told apart",
        ),
        ({"kind": "size", "paper": 100.0, "ours": 101.9}, "agrees"),
        ({"kind": "size", "paper": 100.0, "ours": 97.0}, "differs"),
        ({"kind": "error"}, "other images"),
        ({"kind": "speed", "paper": "208 to 250"}, "another machine"),
        ({"kind": "equality", "ours": "equal"}, "a test checks it"),
    ],
)
def test_verdicts(changes, expected):
    assert verdict(dataclasses.replace(POINTS, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interval": [4.0, 5.0]}, "3.0 is not in its interval"),
        ({"kind": "opinion"}, "no kind opinion"),
        ({"verdict": "confirmed"}, "verdict"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path, changes, message):
    claim = {
        key: value
        for key, value in dataclasses.asdict(POINTS).items()
        if value is not None
    }
    file = tmp_path / "results.json"
    values = dict(command="c", conditions="", machine="")
    file.write_text(json.dumps({**values, "claims": [{**claim, **changes}]}))
    with pytest.raises((TypeError, ValueError), match=message):
        read_measurement(file)


def test_a_page_that_is_out_of_date_is_told(tmp_path, monkeypatch, capsys):
    page = tmp_path / "reproduction.md"
    text = reproduction.PAGE.read_text()
    page.write_text(text.replace("60,965,224", "60,965,225"))
    monkeypatch.setattr(reproduction, "PAGE", page)
    assert reproduction.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().out
    assert reproduction.main([]) == 0
    assert page.read_text() == text
