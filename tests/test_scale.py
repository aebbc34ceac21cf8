"""The calculation of docs/scale.md."""

import json
import pathlib
import subprocess
import sys

import pytest

from benchmarks.scale import Machines, Work, estimate

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def output():
    # A process of its own: it needs two logical CPUs.
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.slow
def test_the_page_has_the_tables_that_are_calculated(output):
    page = (ROOT / "docs" / "scale.md").read_text()
    rows = [line for line in output.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 * (1 + len(json.loads(output.splitlines()[-1])) // 2)
    assert [line for line in page.splitlines() if line.startswith("| ")] == rows


def test_one_gpu_by_hand():
    # 1e9 operations, a million weights, a megabyte kept, ten images.
    work = Work(1e9, 10**6, 10**6, 0)
    found = estimate(work, Machines("one"), 10, "float32", "raw")
    assert found.parts == pytest.approx(
        {
            "arithmetic": 1e10 / (0.3 * 494.7e12),
            "activations": 5e7 / 3.35e12,
            "launches": 0.003085,
            "update": 3.2e7 / 3.35e12,
            "images to the GPU": 1_505_280 / (0.8 * 64e9),
            "towers' exchange": 0,
            "gradients' average": 0,
        }
    )
    assert found.reading == pytest.approx(10 * 138e-6 / 13)
    assert found.longest[0] == "launches"
    assert found.images_per_second == pytest.approx(
        10 / (67.4e-6 + 14.9e-6 + 0.003085 + 9.6e-6 + 29.4e-6), rel=1e-3
    )


def test_what_is_sent_by_eight_machines_of_two():
    work = Work(0, 10**6, 0, 1000)
    machines = Machines("eight", workers=8, gpus=2, line=1e9)
    parts = estimate(work, machines, 100, "float32", "JPEG").parts
    # 4 MB, each eighth of them sent 2 * 7 times, at 0.8 GB/s.
    assert parts["gradients' average"] == pytest.approx(4e6 / 8 * 14 / 0.8e9)
    assert parts["towers' exchange"] == pytest.approx(1e5 / (0.8 * 450e9))
    # Each device updates half of the weights.
    assert parts["update"] == pytest.approx(1.6e7 / 3.35e12)


def test_slow_reading_decides():
    work = Work(0, 0, 0, 0)
    found = estimate(work, Machines("one"), 10_000, "bfloat16", "JPEG")
    assert found.longest == ("reading", 1)
    assert found.images_per_second == pytest.approx(13 / 350e-6)
