"""Printed commands are what a shell reads back as it was meant."""

import pathlib
import re
import shlex

import pytest

from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.command import command

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path", ["runs/a", "my runs/a b", "it's", "a;rm -rf b", "$HOME/`x`", "ä"]
)
def test_a_shell_reads_the_path_back(path):
    printed = command("train", run=path, config__data__name="folder")
    assert shlex.split(printed) == [
        *("python", "main.py", "--mode=train"),
        *(f"--run={path}", "--config.data.name=folder"),
    ]
    assert shlex.split(Run(path).how_to_go_on)[2:] == [
        *("python", "main.py", "--mode=train", f"--run={path}")
    ]


def test_plain_paths_stay_plain():
    assert command("train", run="runs/a") == (
        "python main.py --mode=train --run=runs/a"
    )
    assert command("serve", port=None) == "python main.py --mode=serve"


def test_no_command_is_put_together_by_hand():
    for package in ("alexnet_tf", "export", "modes", "launchers"):
        for file in (ROOT / package).rglob("*.py"):
            text = re.sub(r'"\s*f?"', "", file.read_text())  # one string
            for line in text.splitlines():
                if "main.py --mode" in line:
                    assert not re.search(r"main\.py --mode.*=\{", line), file
