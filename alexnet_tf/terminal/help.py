"""What --help and --helpfull print."""

import ast
import inspect
import io
import textwrap
import tokenize
from collections.abc import Iterator
from typing import Any

from ml_collections import ConfigDict

from alexnet_tf.config import flattened
from alexnet_tf.options import MODES, flag_fields, written
from configs import figure1, paper, ranges

WIDTH = 79


def help_text(mode: str | None = None) -> str:
    """The modes with their flags, or one mode alone.

    What only one mode uses is described with it, the rest at the end.
    """
    modes = MODES if mode is None else {mode: MODES[mode]}
    own = {
        name: [other for other in modes if name in modes[other].flags]
        for name in (field.name for field in flag_fields())
    }
    lines = []
    for name, found in modes.items():
        lines.append(f"--mode={name}: {found.summary}")
        shared = [f for f in found.flags if len(own[f]) > 1]
        if shared:
            lines.append(_wrapped(" ".join(map(written, shared)), 4))
        lines += [_described(f) for f in found.flags if f not in shared]
        lines.append("")
    if shared := [name for name, users in own.items() if len(users) > 1]:
        lines.append("Flags of several modes:")
        lines += map(_described, shared)
    return "\n".join(lines).rstrip()


def _described(name: str) -> str:
    field = next(f for f in flag_fields() if f.name == name)
    default = field.default
    told = "" if default in (None, (), False) else f" Default: {default}."
    kind = field.type
    stated = ranges.is_stated(kind) and kind is not bool
    may_be = f" It is {ranges.in_words(kind)}." if stated else ""
    text = f"{field.metadata['text']}{may_be}{told}"
    return f"  {written(name)}\n{_wrapped(text, 6)}"


def recipe_text(config: ConfigDict) -> str:
    """The keys of a recipe with their values, meaning and range.

    Args:
        config: the values; keys that the recipes of `configs` do not know
            stand at the end.
    """
    recipe = figure1.Recipe if "most_epochs" in config else paper.Recipe
    values = flattened(config.to_dict())
    notes = dict(_comments(recipe))
    lines = ["Values of the recipe:"]
    for key, kind, _ in ranges.fields(recipe):
        lines.append(f"  --config.{key}={values.pop(key, 'absent')}")
        about = f"{notes[key]} ({ranges.in_words(kind)})".strip()
        lines.append(_wrapped(about, 6))
    lines += [f"  --config.{key}={values[key]} (unknown)" for key in values]
    return "\n".join(lines)


def _comments(section: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, comment) of each field: what is above it and behind it."""
    source = textwrap.dedent(inspect.getsource(section))
    found = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    last = 0
    [definition] = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    for node in definition.body:
        if isinstance(node, ast.AnnAssign):
            lines = range(last + 1, (node.end_lineno or 0) + 1)
            name = ast.unparse(node.target)
            key = f"{prefix}{name}"
            yield key, " ".join(found[n] for n in lines if n in found)
            value = getattr(section, name)
            if hasattr(value, "__dataclass_fields__"):
                yield from _comments(type(value), f"{key}.")
        last = node.end_lineno or 0


def _wrapped(text: str, indent: int) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
