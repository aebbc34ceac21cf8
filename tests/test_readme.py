"""The commands and files that README and CONTRIBUTING name exist."""

import pathlib
import re

import pytest

from alexnet_tf.options import MODES, flag_fields, flag_name

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize(
    "path",
    sorted(
        set(
            re.findall(
                r"`((?:configs|tests|alexnet_tf|docs|export|modes)/[a-z_\d./]+)`",
                README + CONTRIBUTING,
            )
        )
        | set(re.findall(r"--config=(\S+\.py)", README))
        | set(re.findall(r"requirements[\w-]*\.txt", README))
    ),
)
def test_named_files_exist(path):
    assert (ROOT / path).exists()


def test_named_flags_exist():
    defined = {flag_name(field.name) for field in flag_fields()}
    defined |= {"mode", "help", "helpfull"}
    # Of main.py; pip and the client have their own.
    lines = [
        line
        for line in re.sub(r"pip\sinstall --\w+", "", README).splitlines()
        if not re.match(r"pip |python -m ", line)
    ]
    named = set(re.findall(r"(?<![\w-])--(\w+)", "\n".join(lines)))
    assert {"mode", "run", "data_dir"} <= named
    assert named <= defined


def test_named_config_keys_exist():
    from configs import paper

    keys = set(
        re.findall(r"`?(?:config\.)?((?:model|train|data)\.[\w.]+)=", README)
    )
    assert keys
    flat = {
        f"{section}.{key}"
        for section, values in paper.get_config().to_dict().items()
        for key in flatten(values)
    }
    assert keys <= flat


def flatten(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_the_modes_with_json_are_named():
    [sentence] = re.findall(
        r"`--json` makes the last line of (.*?) one", README, re.S
    )
    named = re.findall(r"`(\w+)`", sentence)
    assert set(named) == {m for m in MODES if "json" in MODES[m].flags}
