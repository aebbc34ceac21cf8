"""What configs may hold, how they are stored, changed and compared."""

import copy
import json
import pathlib
import re
import runpy
import typing

import pytest
from ml_collections import ConfigDict

from alexnet_tf.config import (
    absent_keys,
    apply_overrides,
    check_config,
    check_values,
    config_from_json,
    config_to_json,
    differences,
)
from alexnet_tf.errors import UserError
from configs import figure1, paper, ranges

CONFIGS = pathlib.Path(__file__).parent.parent / "configs"
# What the other modes read: published results, variants, two short trainings,
# and what all values may be.
NO_RECIPES = {"ablations", "figure1", "published", "ranges"}
RECIPES = sorted(
    path for path in CONFIGS.glob("*.py") if path.stem not in NO_RECIPES
)


@pytest.fixture(params=RECIPES, ids=lambda path: path.stem)
def recipe(request):
    return runpy.run_path(str(request.param))["get_config"]()


@pytest.fixture
def config():
    return paper.get_config()


def with_values(config, values):
    config.update_from_flattened_dict(values)
    return config


def test_every_recipe_is_accepted(recipe):
    check_config(recipe)


NAN = float("nan")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.limit", -1),
        ("data.holdout", 0.0),
        ("data.holdout", 1.0),
        ("data.holdout", NAN),
        ("data.shuffle_buffer", 0),
        ("data.cache_gb", -0.5),
        ("data.crop_shared_by", 0),
        ("model.num_classes", 1),
        ("model.num_classes", -2),
        ("model.crop", 63),
        ("model.crop", 257),
        ("model.towers", 0),
        ("model.towers", 3),
        ("model.width", 0.0),
        ("model.width", -1.0),
        ("model.kernels", (96, 256, 384, 384)),
        ("model.kernels", (96, 256, 0, 384, 256)),
        ("model.kernels", ()),
        ("model.units", 0),
        ("model.activation", "swish"),
        ("model.pool_size", 0),
        ("model.pool_stride", 0),
        ("model.without", ("conv1",)),
        ("model.without", ("conv2", "fc6")),
        ("model.input_divisor", 0.0),
        ("model.channel_order", "gbr"),
        ("model.conv1_order", "pool_lrn_relu"),
        ("model.same_map_norm.size", 4),
        ("model.same_map_norm.size", -1),
        ("model.same_map_norm.k", 0.0),
        ("model.same_map_norm.alpha", -1.0),
        ("model.dropout", -0.1),
        ("model.dropout", 1.0),
        ("model.mean", "none"),
        ("model.lrn.scope", "map"),
        ("model.lrn.n", 0),
        ("model.lrn.n", 4),
        ("model.lrn.beta", -0.75),
        ("model.lrn.beta", 100.0),
        ("model.same_map_norm.beta", -0.75),
        ("model.mean_values", (120.0, 120.0, 256.0)),
        ("model.weight_std.fc8", -0.01),
        ("data.name", " "),
        ("data.max_damaged", 1.0),
        ("train.seed", 2**31),
        ("train.bias_lr_multiplier", -2.0),
        ("train.flat_loss_margin", -0.01),
        ("train.flat_loss_margin", 1.0),
        ("train.flat_loss_steps", 0),
        ("train.lr_drop_epochs", (0,)),
        ("train.lr_drop_epochs", (25, -51)),
        ("train.lr_drop_epochs", (25, 25)),
        ("train.lr_drop_epochs", (2.5,)),
        ("train.min_improvement", -0.001),
        ("train.min_improvement", 1.001),
        ("train.accumulate", 3),
        ("retrieval.steps", 0),
        ("retrieval.noise", -1.0),
        ("model.lighting.std", -0.1),
        ("model.lighting.scale", "roots"),
        ("train.epochs", 0),
        ("train.save_every_steps", -1),
        ("train.save_every_minutes", 0.0),
        ("train.batch_size", 0),
        ("train.lr", 0.0),
        ("train.lr", NAN),
        ("train.momentum", 1.0),
        ("train.momentum", -0.9),
        ("train.weight_decay", -0.1),
        ("train.bias_lr", -0.1),
        ("train.layer_lrs", (("conv6", 1, 0.1),)),
        ("train.layer_lrs", (("conv1", 0, 0.1),)),
        ("train.layer_lrs", (("conv1", 1, -0.1),)),
        ("train.layer_lrs", (("conv1", 1),)),
        ("train.layer_lrs", ("conv1", 1, 0.1)),
        ("train.layer_lrs", (("conv1", "one", 0.1),)),
        ("train.lighting_epochs", -1),
        ("train.lr_drops", -1),
        ("train.lr_drop_factor", 0.0),
        ("train.lr_drop_factor", 1.0),
        ("train.patience", 0),
        ("train.lr_schedule.kind", "dexp"),
        ("train.lr_schedule.factor", 0.5),
        ("train.lr_schedule.levels", 1),
        ("train.warmup_epochs", -0.5),
        ("train.warmup_epochs", 91.0),  # of 90
        ("train.weight_average", 1.0),
        ("train.label_smoothing", 1.0),
        ("data.crop_scale", 1.1),
        ("data.crop_ratio", 0.75),
        ("train.bias_lr_schedule.kind", "stepwise"),  # bias_lr is 0
    ],
)
def test_a_bad_value_is_refused_by_name(config, key, value):
    with pytest.raises(UserError) as error:
        check_config(with_values(config, {key: value}))
    message = str(error.value)
    assert message.startswith(f"config.{key} is {value}: ")
    assert "\n" not in message


def keys_of(recipe):
    return [pytest.param(*f, id=f[0]) for f in ranges.fields(recipe)]


ALL_KEYS = keys_of(paper.Recipe)
INFINITY = float("inf")


@pytest.mark.parametrize(
    ("key", "kind", "value"), [*ALL_KEYS, *keys_of(figure1.Recipe)]
)
def test_what_a_key_may_be_is_stated(key, kind, value):
    assert ranges.is_stated(kind)
    assert ranges.fits(value, kind)
    assert ranges.in_words(kind)


@pytest.mark.parametrize(
    "kind",
    [
        *(int, float, str, tuple[int, ...], tuple[int, float]),
        typing.Annotated[tuple[int, ...], ranges.distinct()],
    ],
)
def test_a_type_alone_states_nothing(kind):
    assert not ranges.is_stated(kind)


def holds_numbers(kind):
    return any(
        part in (int, float) or holds_numbers(part)
        for part in typing.get_args(kind)
    )


def spoiled(value, kind, number):
    """A value of that kind with `number` in the place of each number."""
    parts = [p for p in typing.get_args(kind) if p is not ...]
    if typing.get_origin(kind) is typing.Annotated:
        return spoiled(value, parts[0], number)
    if typing.get_origin(kind) is tuple:
        # What is no number is taken from the names that are allowed.
        return tuple(spoiled("conv1", part, number) for part in parts)
    return number if kind in (int, float) else value


def refused(config, key, value):
    values = config.to_dict()
    *sections, last = key.split(".")
    section = values
    for name in sections:
        section = section[name]
    section[last] = value
    try:
        check_config(ConfigDict(values))
    except UserError as error:
        message = str(error)
        assert message.startswith(f"config.{key} is {value}: it has to be ")
        assert "\n" not in message
        return True
    return False


@pytest.mark.parametrize(("key", "kind", "value"), ALL_KEYS)
def test_no_key_takes_what_is_no_value_of_it(config, key, kind, value):
    senseless = [None, "", NAN]
    if not key.startswith("model.bias."):
        senseless.append(-1e9)
    if not isinstance(value, tuple):
        senseless.append([])
    for wrong in senseless:
        assert refused(config, key, wrong), wrong


NUMBERS = [p for p in ALL_KEYS if holds_numbers(p.values[1])]


@pytest.mark.parametrize(
    "number", [NAN, INFINITY, -INFINITY, None, "1", True], ids=str
)
@pytest.mark.parametrize(("key", "kind", "value"), NUMBERS)
def test_a_number_is_finite(config, key, kind, value, number):
    assert refused(config, key, spoiled(value, kind, number))


def test_all_numbers_are_walked():
    keys = {p.id for p in NUMBERS}
    assert {"train.layer_lrs", "model.kernels", "train.lr_drop_epochs"} < keys
    assert {
        key
        for key, _, value in ranges.fields(paper.Recipe())
        if isinstance(value, int | float) and not isinstance(value, bool)
    } - keys == {"model.towers"}  # 1 or 2


@pytest.mark.parametrize(
    ("value", "kind", "answer"),
    [
        # Each answer by hand, from the words.
        (0, ranges.Count, False),
        (1, ranges.Count, True),
        (1.0, ranges.Count, False),
        (0, ranges.CountOrZero, True),
        (10**400, ranges.Positive, False),
        (1, ranges.Positive, True),
        (0.0, ranges.Positive, False),
        (1.0, ranges.Share, False),
        (0.0, ranges.Share, True),
        (0.0, ranges.TrueShare, False),
        (2**31 - 1, ranges.Seed, True),
        (True, typing.Literal[1, 2], False),
        (255.5, ranges.Grey, False),
        ((1,), tuple[ranges.Count, ranges.Count], False),
        ([1, 2], tuple[ranges.Count, ranges.Count], True),
        ("12", tuple[ranges.Text, ...], False),
    ],
    # Texts of annotations have addresses, which differ between processes.
    ids=lambda value: None,
)
def test_ranges(value, kind, answer):
    assert ranges.fits(value, kind) == answer


def test_a_key_that_the_recipe_invents_is_named(config):
    with config.unlocked():
        config.train.momentun = 0.5
    with pytest.raises(
        UserError, match=r"train.momentun \(did you mean train.momentum\?\)"
    ):
        check_config(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("lr_factor", 1.0), ("first_lr", NAN), ("seeds", 0)),
        ("network.kernels", (0,)),
    ],
)
def test_values_of_figure1_are_checked_too(key, value):
    config = with_values(figure1.get_config(), {key: value})
    with pytest.raises(UserError, match=f"config.{key} is "):
        check_values(config, figure1.Recipe)


def test_a_given_mean_needs_its_values(config):
    config.model.mean = "given"
    with pytest.raises(UserError, match=r"config.model.mean_values is \(\)"):
        check_config(config)


def test_a_layer_left_out_has_no_learning_rate(config):
    config.model.without = ("conv4",)
    config.train.layer_lrs = (("conv4", 1, 0.1),)
    with pytest.raises(UserError, match=r"config.train.layer_lrs is "):
        check_config(config)


@pytest.mark.parametrize(
    "values",
    [
        {"model.pool_size": 50},
        {"model.pool_stride": 100},
        {"model.crop": 64, "model.pool_size": 7},
        {"model.crop": 64, "model.pool_stride": 3},
    ],
    ids=str,
)
def test_a_pool_that_leaves_no_pixel_is_refused(config, values):
    with pytest.raises(UserError, match="pool"):
        check_config(with_values(config, values))


@pytest.mark.parametrize(
    "values",
    [
        {"data.limit": 1, "data.cache_gb": 0.0, "data.shuffle_buffer": 1},
        {"model.crop": 64},
        {"model.crop": 256, "model.towers": 1, "model.num_classes": 2},
        {"model.dropout": 0.0, "model.lrn.n": 1, "model.lighting.std": 0.0},
        {"train.momentum": 0.0, "train.weight_decay": 0.0, "train.lr_drops": 0},
        {"model.activation": "tanh", "model.mean": "rgb"},
        {"model.lrn.scope": "none", "model.lighting.scale": "square_roots"},
        {"model.without": ("conv5", "conv2"), "train.bias_lr": 0.02},
        {"train.layer_lrs": (("conv1", 1, 0.0), ("fc8", 9, 1.0))},
    ],
    ids=str,
)
def test_values_at_the_limits_are_accepted(config, values):
    check_config(with_values(config, values))


def test_json_keeps_every_value(recipe):
    text = config_to_json(recipe)
    assert text.endswith("}\n")
    loaded = config_from_json(text)
    check_config(loaded)
    # JSON makes lists of tuples.
    assert loaded.to_dict() == json.loads(json.dumps(recipe.to_dict()))
    assert loaded.model.kernels == list(recipe.model.kernels)
    assert config_to_json(loaded) == text
    assert list(json.loads(text)) == sorted(recipe)


def test_a_stored_config_takes_overrides(recipe):
    loaded = config_from_json(config_to_json(recipe))
    values = {
        "train.epochs": 7,
        "train.lr": 0.5,
        "model.lrn.scope": "none",
        "model.kernels": (9, 8, 7, 6, 5),
    }
    apply_overrides(loaded, values)
    assert (loaded.train.epochs, loaded.train.lr) == (7, 0.5)
    assert loaded.model.lrn.scope == "none"
    assert list(loaded.model.kernels) == [9, 8, 7, 6, 5]
    check_config(loaded)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.epoch", 3),
        ("nothing.epochs", 3),
        ("train.epochs.more", 3),
        ("train.epochs", "two"),
        ("train.epochs", 1.5),
        ("train.lr", "fast"),
        ("train.decay_biases", "yes"),
        ("data", 3),
        ("data.name", 3),
    ],
)
def test_a_bad_override_is_refused_by_name(config, key, value):
    before = config.to_dict()
    with pytest.raises(UserError, match=re.escape(f"--config.{key}")) as error:
        apply_overrides(config, {key: value})
    assert "\n" not in str(error.value)
    assert config.to_dict() == before


def without(values, key):
    """A copy of nested dicts that lacks the dotted key."""
    values = copy.deepcopy(values)
    *sections, last = key.split(".")
    section = values
    for name in sections:
        section = section[name]
    del section[last]
    return values


def with_parents(keys):
    return sorted(
        {
            ".".join(key.split(".")[:n])
            for key in keys
            for n in range(1, key.count(".") + 2)
        }
    )


@pytest.mark.parametrize("key", with_parents(p.id for p in ALL_KEYS))
def test_a_stored_config_that_lacks_a_key_gets_the_default(config, key):
    # All runs were trained so before there was the other kind.
    config.model.dropout_kind = "inverted"
    whole = json.loads(config_to_json(config))
    text = json.dumps(without(whole, key))
    assert json.loads(config_to_json(config_from_json(text))) == whole
    lacking = absent_keys(text)
    assert lacking
    for absent, value in lacking.items():
        assert absent == key or absent.startswith(f"{key}.")
        part = config
        for name in absent.split("."):
            part = part[name]
        assert part == value
    assert absent_keys(json.dumps(whole)) == {}


def test_what_is_stored_beside_an_absent_key_is_kept(config):
    config.model.lighting.std = 0.7
    stored = without(config.to_dict(), "model.lighting.scale")
    lighting = config_from_json(json.dumps(stored)).model.lighting
    assert (lighting.std, lighting.scale) == (0.7, "eigenvalues")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": {"learning_rate": 0.1}}, "train.learning_rate"),
        ({"optimizer": {"lr": 0.1}}, "optimizer.lr"),
        ({"train": {"lr": None}}, "config.train.lr is None: "),
        ({"train": None}, "train"),
        ({"train": {"lr": {"conv1": 0.1}}}, "train.lr.conv1"),
        ({"model": {"lrn": 5}}, "model.lrn"),
        ({"train": {"lr": NAN}}, "config.train.lr is nan: "),
        (None, "null"),
        ([1], "[1]"),
        ("lr", '"lr"'),
    ],
    ids=str,
)
def test_a_stored_config_of_another_kind_is_refused(config, change, words):
    stored = change
    if isinstance(change, dict):
        stored = config.to_dict()
        for section, values in change.items():
            if isinstance(values, dict):
                stored.setdefault(section, {}).update(values)
            else:
                stored[section] = values
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        config_from_json(json.dumps(stored))
    assert "\n" not in str(error.value)


def two_models(**changes):
    first = {"crop": 224, "kernels": (1, 2), "lrn": {"n": 5, "k": 2.0}}
    return (
        ConfigDict({"model": first}),
        ConfigDict({"model": first | changes}),
    )


def test_equal_configs_have_no_differences():
    # A list stands for a tuple: one of the two comes from JSON.
    assert differences("model", *two_models(kernels=[1, 2])) == []


def test_differences_name_every_value():
    changes = {"crop": 227, "kernels": [1, 3], "lrn": {"n": 5, "k": 1.0}}
    assert differences("model", *two_models(**changes)) == [
        "model.crop is 224 there, 227 here",
        "model.kernels is [1, 2] there, [1, 3] here",
        "model.lrn.k is 2.0 there, 1.0 here",
    ]


def test_absent_keys_are_differences():
    changes = {"lrn": {"n": 5}, "width": 1.0}
    assert differences("model", *two_models(**changes)) == [
        "model.lrn.k is 2.0 there, absent here",
        "model.width is absent there, 1.0 here",
    ]
