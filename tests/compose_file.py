"""The server in export/tf_serving/compose.yaml, as Docker Compose runs it."""

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).parent.parent
SERVING = ROOT / "export" / "tf_serving"


def compose_service(**environment):
    """The service `serving` with the variables of an environment filled in."""

    def fill(match):
        name, operator, text = match.groups()
        value = environment.get(name, "")
        return (value or text) if operator == ":-" else value and text

    text = (SERVING / "compose.yaml").read_text()
    filled = re.sub(r"\$\{(\w+)(:[-+])([^}]*)\}", fill, text)
    assert "$" not in filled
    return yaml.safe_load(filled)["services"]["serving"]


def flags_of(arguments):
    """{"--port": "8500", ...} of the arguments of a command."""
    flags = dict(argument.split("=", 1) for argument in arguments)
    assert len(flags) == len(arguments)
    return flags
