"""What configs may hold, how they are stored, changed and compared."""

import json
import pathlib
import re
import runpy

import pytest
from ml_collections import ConfigDict

from alexnet_tf.config import (
    apply_overrides,
    check_config,
    config_from_json,
    config_to_json,
    differences,
)
from alexnet_tf.errors import UserError

CONFIGS = pathlib.Path(__file__).parent.parent / "configs"
# What the other modes read: published results, variants, two short trainings.
NO_RECIPES = {"ablations", "figure1", "published"}
RECIPES = sorted(
    path for path in CONFIGS.glob("*.py") if path.stem not in NO_RECIPES
)


@pytest.fixture(params=RECIPES, ids=lambda path: path.stem)
def recipe(request):
    return runpy.run_path(str(request.param))["get_config"]()


@pytest.fixture
def config():
    from configs import paper

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
    ],
)
def test_a_bad_value_is_refused_by_name(config, key, value):
    with pytest.raises(UserError) as error:
        check_config(with_values(config, {key: value}))
    message = str(error.value)
    assert message.startswith(f"config.{key} is {value}: ")
    assert "\n" not in message


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
