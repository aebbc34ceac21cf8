"""What a config must hold, and how it is stored and compared.

A config is an `ml_collections.ConfigDict` with the sections `data`, `model`,
`init`, `train` and `retrieval`; `configs/paper.py` lists every key with its
meaning and what it may be.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from alexnet_tf.errors import UserError, one_line
from configs import paper
from configs.ranges import fields, fits, in_words

# What runs that lack a key were trained with, where it is not the paper's.
BEFORE_THE_KEY = {"model.dropout_kind": "inverted"}
SECTIONS = ("data", "model", "init", "train", "retrieval")


def check_config(config: ConfigDict) -> None:
    """Raises `UserError` naming the first value that makes no sense."""
    check_values(config, paper.Recipe)
    for key, holds, words in _combinations(config):
        if not holds:
            raise UserError(f"config.{key} is {_get(config, key)}: {words}")


def check_values(config: ConfigDict, recipe: Any) -> None:
    """Compares each value with what it may be by itself.

    Args:
        config: the values.
        recipe: dataclass of `configs` that says what they may be.

    Raises:
        UserError: a key is unknown or absent, or its value is not allowed.
    """
    values = flattened(config.to_dict())
    kinds = {key: kind for key, kind, _ in fields(recipe)}
    if unknown := unknown_keys(values, kinds):
        raise UserError(f"the config has unknown keys: {unknown}")
    if missing := [key for key in kinds if key not in values]:
        raise UserError(f"the config lacks a key: {missing[0]}")
    for key, kind in kinds.items():
        if not fits(values[key], kind):
            raise UserError(
                f"config.{key} is {values[key]}: it has to be {in_words(kind)}"
            )


def unknown_keys(values: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Keys of `values` that are not `known`, each with the one most like it.

    Args:
        values, known: mappings by dotted key.
    """
    return ", ".join(
        key
        + "".join(
            f" (did you mean {near}?)"
            for near in difflib.get_close_matches(key, known, 1, 0.7)
        )
        for key in values
        if key not in known
    )


def _combinations(config: ConfigDict) -> Iterator[tuple[str, bool, str]]:
    """(key, whether it goes with the other values, what it has to be)."""
    data, model, train = config.data, config.model, config.train
    yield (
        "data.fold",
        data.fold < max(data.holdout_folds, 1),
        f"parts are counted from 0, and data.holdout_folds is "
        f"{data.holdout_folds}",
    )
    yield (
        "model.pool_size",
        _pool5_side(model) >= 1,
        "it has to be so small, as does the stride, that three pools leave "
        f"something of a crop of {model.crop}",
    )
    absent = {name for name in ("conv6", "bottleneck") if not model[name]}
    yield (
        "model.exchange",
        not absent & set(model.exchange),
        "the network has a conv6 or a bottleneck only where model.conv6 or "
        "model.bottleneck is above 0",
    )
    yield (
        "model.exchange",
        "fc8" in model.exchange or model.towers == 1 or model.split_softmax,
        "fc8 stands on the first tower and reads both: it has to be among them",
    )
    yield (
        "model.split_softmax",
        not model.split_softmax or model.towers == 2,
        "one tower has nothing to divide the classes over",
    )
    yield (
        "model.mean_values",
        model.mean != "given" or len(model.mean_values) == 3,
        "it has to be three numbers, R, G, B, where model.mean is given",
    )
    yield (
        "train.class_weight_values",
        bool(train.class_weight_values) == (train.class_weights == "given"),
        "it has to name classes, such as (('cat', 2.0),), where "
        "train.class_weights is given, and only there",
    )
    yield (
        "train.class_weights",
        train.class_weights != "balanced" or data.sampling != "balanced",
        "beside data.sampling, which is balanced too, rare classes would "
        "count twice: leave one of them out",
    )
    yield (
        "train.accumulate",
        train.batch_size % train.accumulate == 0,
        f"it has to divide train.batch_size, which is {train.batch_size}",
    )
    absent |= set(model.without)
    for key, layers in (
        ("train.layer_lrs", [layer for layer, *_ in train.layer_lrs]),
        (
            "train.lr_multipliers",
            [name.split(".")[0] for name, _ in train.lr_multipliers],
        ),
        ("train.frozen", train.frozen),
        ("init.layers", config.init.layers),
    ):
        yield (
            key,
            not absent & set(layers),
            f"the network has no {', '.join(sorted(absent & set(layers)))}",
        )
    yield (
        "train.frozen",
        bool(set(paper.LAYERS) - absent - set(train.frozen)),
        "no layer is left that learns",
    )
    yield (
        "train.lr_schedule.kind",
        train.lr_schedule.kind == "none" or not train.lr_drop_epochs,
        "beside it train.lr_drop_epochs, drops by hand, has to be ()",
    )
    yield (
        "train.warmup_epochs",
        train.warmup_epochs <= train.epochs,
        f"it has to be at most train.epochs, which is {train.epochs}",
    )
    yield (
        "data.crop_scale",
        not data.crop_scale or data.augment,
        "random crops, resized or not, need data.augment to be True",
    )
    yield (
        "train.bias_lr_schedule.kind",
        train.bias_lr_schedule.kind == "none" or train.bias_lr > 0,
        "it begins with train.bias_lr, which has to be above 0",
    )


def _pool5_side(model: ConfigDict) -> int:
    """Side of pool5's output; below 1 where nothing is left."""

    def pooled(side: int) -> int:
        size, stride = model.pool_size, model.pool_stride
        if model.pool_padding == "ceil":
            side += edge_padding(side, size, stride)
        return (side - size) // stride + 1

    side = pooled(1 + -(-(model.crop - 11) // 4))  # conv1
    for name, size, padding in zip(
        ("conv2", "conv3", "conv4", "conv5"),
        (5, 3, 3, 3),
        model.padding,
        strict=True,
    ):
        if name not in model.without:
            side += 2 * padding - size + 1
        if name in ("conv2", "conv5"):
            side = pooled(side)
        if side < 1:
            return 0
    return side


def edge_padding(side: int, size: int, stride: int) -> int:
    """What the last window of a pool that leaves nothing out lacks.

    A window begins inside, so where `stride` is larger it may leave out what
    lies between two windows.

    >>> edge_padding(55, 2, 2), edge_padding(55, 3, 2), edge_padding(9, 1, 4)
    (1, 0, 0)
    """
    missing = -(side - size) % stride
    return missing if missing < size else 0


def config_to_json(config: ConfigDict) -> str:
    """The config as indented JSON text, keys sorted."""
    return json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"


def config_from_json(text: str) -> ConfigDict:
    """A config from `config_to_json`'s text; tuples have become lists.

    Keys that were added since then get the values of `configs/paper.py`, or
    those of `BEFORE_THE_KEY`; see `absent_keys`.

    Raises:
        ValueError: it is no config, has a key that this version does not
            know, or a value that makes no sense.
    """
    stored = _stored(text)
    defaults = _defaults()
    if unknown := unknown_keys(flattened(stored), flattened(defaults)):
        lacking = ", ".join(absent_keys(text))
        raise ValueError(
            f"it has keys that this version does not know: {unknown}"
            + (f", and lacks {lacking}" if lacking else "")
            + "; rename or remove the first there, or use the version that "
            "wrote them"
        )
    config = ConfigDict(_merged(defaults, stored))
    try:
        check_config(config)
    except UserError as error:
        raise ValueError(str(error)) from None
    return config


def absent_keys(text: str) -> dict[str, Any]:
    """{dotted key: the value it gets} of what a stored config lacks."""
    stored = flattened(_stored(text))
    defaults = flattened(_defaults())
    return {key: value for key, value in defaults.items() if key not in stored}


def _defaults() -> dict[str, Any]:
    config = paper.get_config()
    config.update_from_flattened_dict(BEFORE_THE_KEY)
    return config.to_dict()


def _stored(text: str) -> dict[str, Any]:
    stored = json.loads(text)
    if not isinstance(stored, dict):
        raise ValueError(f"it holds {json.dumps(stored):.40}, and no config")
    return stored


def _merged(defaults: Any, stored: Any) -> Any:
    """Nested dicts joined; what is stored counts where it is there."""
    if not (isinstance(defaults, dict) and isinstance(stored, dict)):
        return stored
    return {
        key: _merged(value, stored[key]) if key in stored else value
        for key, value in defaults.items()
    }


def apply_overrides(config: ConfigDict, overrides: Mapping[str, Any]) -> None:
    """Sets dotted keys of `config`, such as {"train.epochs": 2}.

    Raises:
        UserError: no such key, or a value of another type.
    """
    for key, value in overrides.items():
        try:
            _get(config, key)
            config.update_from_flattened_dict({key: value})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = one_line(error)
            raise UserError(f"--config.{key}={value}: {reason}") from None


def differences(
    section: str, config: ConfigDict, other: ConfigDict
) -> list[str]:
    """["section.key is X there, Y here", ...]; see `changed_values`."""
    return [
        f"{key} is {there} there, {here} here"
        for key, there, here in changed_values(section, config, other)
    ]


def changed_values(
    section: str, config: ConfigDict, other: ConfigDict
) -> list[tuple[str, Any, Any]]:
    """[("section.key", value there, value here)] where two configs differ.

    Args:
        section: one of `SECTIONS`.
        config: the config that is "there".
        other: the config that is "here".

    Returns:
        Sorted by key; "absent" stands for a value that a config lacks.
    """
    there, here = (
        flattened(_as_lists(c[section].to_dict()), f"{section}.")
        for c in (config, other)
    )
    return [
        (key, there.get(key, "absent"), here.get(key, "absent"))
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"section.key": value} of nested dicts."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _as_lists(value: Any) -> Any:
    """Lists for tuples, as JSON has them."""
    return json.loads(json.dumps(value))


def _get(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[part]
    return config
