"""Which flags and keys a mode uses: the table, and the modes themselves."""

import ast
import pathlib

import pytest

from alexnet_tf.config import flattened
from alexnet_tf.data.sources.open_source import load_source
from alexnet_tf.errors import UserError
from alexnet_tf.options import (
    MODES,
    SOURCE_KEYS,
    Options,
    check_usage,
    flag_fields,
    unexpected,
)
from configs import paper, ranges

ROOT = pathlib.Path(__file__).parent.parent
TREES = {
    f"modes.{path.stem}": ast.parse(path.read_text())
    for path in (ROOT / "modes").glob("*.py")
}
FLAGS = {field.name for field in flag_fields()}
# What main.py itself does for a mode.
BY_MAIN = {"logical_cpus", "workers"}


def functions(tree):
    return {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }


def takes_options(function):
    return "options" in [argument.arg for argument in function.args.args]


def imported(tree):
    """{name: (module, its name there)} of what comes from modes/."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in TREES
        for alias in node.names
    }


def used_by(module, name, seen):
    """Fields of `Options` that a function reads, or those it calls."""
    if (module, name) in seen:
        return set()
    seen.add((module, name))
    tree = TREES[module]
    used, local = set(), functions(tree)
    for node in ast.walk(local[name]):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "options"
        ):
            used.add(node.attr)
        # Called or stored for a call.
        if isinstance(node, ast.Name):
            if node.id in local and takes_options(local[node.id]):
                used |= used_by(module, node.id, seen)
            elif node.id in imported(tree):
                other, there = imported(tree)[node.id]
                called = functions(TREES[other]).get(there)
                if called is not None and takes_options(called):
                    used |= used_by(other, there, seen)
    return used


def used_in_mode(mode):
    """Of all functions in the mode's module: some are called by a table."""
    module, seen, used = f"modes.{mode}", set(), set()
    for name, function in functions(TREES[module]).items():
        if takes_options(function):
            used |= used_by(module, name, seen)
    of_config = {"overrides", "config_given", "config_name"}
    return {"config" if name in of_config else name for name in used}


@pytest.mark.parametrize("mode", MODES)
def test_the_table_lists_what_a_mode_reads(mode):
    listed = set(MODES[mode].flags)
    assert listed <= FLAGS
    assert listed - BY_MAIN == used_in_mode(mode)
    assert ("logical_cpus" in listed) == ("tower_devices" in listed)
    assert ("workers" in listed) == (mode == "train")
    assert set(MODES[mode].needs) <= listed
    assert bool(MODES[mode].keys) == ("config" in listed)
    assert len(MODES[mode].flags) == len(listed)


def test_the_reading_of_the_modes_finds_what_is_there():
    assert {"images", "run", "json"} <= used_in_mode("predict")
    assert "download" in used_in_mode("train")  # by way of modes.setup
    assert "export_dir" in used_in_mode("export")  # by a table of functions
    assert "weights" not in used_in_mode("train")


def test_modes_and_flags_are_complete():
    shared = {"__init__", "setup", "training", "series", "beginning"}
    shared.add("image_files")
    files = {path.stem for path in (ROOT / "modes").glob("*.py")}
    assert set(MODES) == files - shared
    assert set().union(*(mode.flags for mode in MODES.values())) == FLAGS


def test_every_flag_says_what_it_may_be():
    for field in flag_fields():
        if isinstance(field.default, int | float):
            assert ranges.is_stated(field.type), field.name
            assert ranges.fits(field.default, field.type)


class Reader:
    """A section of a config that knows which keys were read."""

    def __init__(self, values, read, section):
        self.values, self.read, self.section = values, read, section

    def __getattr__(self, key):
        self.read.add(f"{self.section}.{key}")
        return self.values[key]


def test_keys_of_a_source_are_those_that_opening_one_reads(image_folder):
    config = paper.get_config()
    config.data.name = "folder"
    config.data.limit = 5
    read = set()
    data = Reader(config.data, read, "data")
    load_source(data, 0, str(image_folder))
    assert read <= {*SOURCE_KEYS, "data.limit"}
    for mode in ("report", "index"):
        assert {*SOURCE_KEYS, "data.limit"} == set(MODES[mode].keys)
    assert set(SOURCE_KEYS) == set(MODES["evaluate"].keys)


@pytest.mark.parametrize("mode", sorted(set(MODES) - {"figure1"}))
def test_keys_are_those_of_a_recipe(mode):
    known = flattened(paper.get_config().to_dict())
    for begin in (*MODES[mode].keys, *MODES[mode].unused_keys):
        assert any(
            key == begin or (begin.endswith(".") and key.startswith(begin))
            for key in known
        )


def options(**values):
    return Options(config=paper.get_config(), **values)


@pytest.mark.parametrize(
    ("mode", "given", "words"),
    [
        ("predict", {"export_dir": "x"}, ["--export_dir", "--submission"]),
        ("train", {"weights": "x"}, ["--weights", "--workers", "--data_dir"]),
        ("predict", {"crops": 1}, ["--crops", "--image"]),
        ("serve", {"config_given": True}, ["--config", "--port"]),
        ("train", {"images": ("x",)}, ["--image is not used"]),
        ("evaluate", {"workers": 2}, ["--workers", "--crops"]),
        ("train", {"json": True}, ["--json"]),
        (
            "predict",
            {"synsets": "x", "images": ("x",)},
            ["--synsets", "--submission"],
        ),
        (
            "export",
            {"keep_versions": 2, "format": "onnx"},
            ["--keep_versions", "--format=saved_model"],
        ),
        ("evaluate", {"run": "x", "runs": ("y",)}, ["--run", "--runs"]),
        (
            "serve",
            {"export_dir": "x", "models_config": "y"},
            ["--export_dir", "--models_config"],
        ),
        ("predict", {}, ["needs --image=FILE"]),
        ("search", {}, ["needs --image=FILE"]),
        ("prepare", {}, ["needs --prepared_dir=DIR"]),
        ("codes", {}, ["needs --codes=BITS"]),
        ("import_weights", {}, ["needs --weights=FILE"]),
        ("figure1", {}, ["needs --config=configs/figure1.py"]),
        (
            "evaluate",
            {"overrides": {"model.crop": 227}},
            ["--config.model.crop", "data.name"],
        ),
        (
            "evaluate",
            {"overrides": {"data.limit": 10}},
            ["--config.data.limit is not used"],
        ),
        (
            "predict",
            {"overrides": {"model.crop": 227}, "images": ("x",)},
            ["--config.model.crop is not used by --mode=predict", "nothing"],
        ),
        (
            "ablate",
            {"overrides": {"train.seed": 7}},
            ["--config.train.seed", "model.*"],
        ),
        (
            "train",
            {"overrides": {"retrieval.lr": 0.1}},
            ["--config.retrieval.lr", "data.*, model.*, init.*, train.*"],
        ),
    ],
    ids=str,
)
def test_what_a_mode_would_ignore_or_lack_is_refused(mode, given, words):
    names = {
        "config" if name == "config_given" else name
        for name in given
        if name != "overrides"
    }
    with pytest.raises(UserError) as error:
        check_usage(mode, options(**given), names)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("mode", "given"),
    [
        ("train", {}),
        ("train", {"overrides": {"train.lr": 0.1, "data.limit": 5}}),
        ("evaluate", {"runs": ("a", "b"), "results_dir": "x", "crops": 1}),
        ("evaluate", {"overrides": {"data.name": "folder"}}),
        ("export", {"keep_versions": 2}),
        ("codes", {"codes": 8, "overrides": {"retrieval.lr": 0.1}}),
        ("inspect", {"overrides": {"model.crop": 227}}),
        (
            "inspect",
            {"overrides": {"train.lr": 0.1}, "against": paper.get_config()},
        ),
    ],
    ids=str,
)
def test_what_a_mode_uses_is_accepted(mode, given):
    check_usage(mode, options(**given), set(given) - {"overrides"})


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("predict", "did you mean --mode=predict?"),
        ("evalaute", "did you mean --mode=evaluate?"),
        (
            "x.png",
            "flags begin with --; images are for --mode=predict and search",
        ),
    ],
)
def test_a_mode_without_its_flag_is_offered(word, hint):
    assert unexpected([word, "x.png"]) == f"unexpected argument {word}: {hint}"
