"""docs/architecture.md draws the rooms that there are, in their order."""

import pathlib
import re

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 brings it")

ROOT = pathlib.Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]["contracts"]


@pytest.fixture(scope="module")
def drawing():
    """{indentation: [names of the rooms, from top to bottom]}."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {}
    for line in page.split("```")[1].splitlines():
        room = re.match(r"([ |]*)(?:\+-- )?([a-z_0-9]+)(?:/|\.py) ", line + " ")
        if room:
            rooms.setdefault(len(room[1]), []).append(room[2])
    return rooms


def layers_of(container):
    """[[room, ...] of one line, ...], from top to bottom."""
    [contract] = [c for c in CONTRACTS if c.get("containers") == [container]]
    return [re.split(r"\W+", line) for line in contract["layers"]]


def rooms_in(folder):
    """Packages and modules of a folder."""
    return {
        path.stem
        for path in (ROOT / folder).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    } - {"__init__"}


def test_all_rooms_are_drawn(drawing):
    assert set(drawing[1]) == rooms_in("alexnet_tf") - {"options"}
    assert set(drawing[0]) == {"main", *("modes", "export"), "alexnet_tf"} | {
        "configs"
    }
    packages = {r for r in rooms_in("alexnet_tf/data")} & {
        path.name for path in (ROOT / "alexnet_tf" / "data").iterdir()
    }
    assert set(drawing[6]) == packages


def test_the_drawing_has_the_order_of_the_contract(drawing):
    line_of = {
        room: number
        for number, line in enumerate(layers_of("alexnet_tf"))
        for room in line
    }
    lines = [line_of[room] for room in drawing[1]]
    assert lines == sorted(lines)


def test_the_contract_names_every_mode():
    [contract] = [c for c in CONTRACTS if c["type"] == "independence"]
    shared = {"setup", "training", "series", "beginning", "image_files"}
    assert {m.removeprefix("modes.") for m in contract["modules"]} == (
        rooms_in("modes") - shared
    )
