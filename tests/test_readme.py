"""The commands and files that the README names exist."""

import pathlib
import re

import pytest

from alexnet_tf.options import flag_fields, flag_name

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "path",
    sorted(
        set(
            re.findall(
                r"`((?:configs|tests|alexnet_tf|docs|export)/[\w./]+)`", README
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
