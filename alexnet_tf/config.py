"""What a config must hold, and how it is stored and compared.

A config is an `ml_collections.ConfigDict` with the sections `data`, `model`,
`train` and `retrieval`; `configs/paper.py` lists every key with its meaning.
"""

import json
import math

from ml_collections import ConfigDict

from alexnet_tf.errors import UserError
from configs import paper

MIN_CROP, MAX_CROP = 64, 256  # conv and pool need 64, a record has 256
ACTIVATIONS = ("relu", "tanh", "sigmoid")
CONV1_ORDERS = ("relu_lrn_pool", "lrn_pool_relu")
REMOVABLE = {"conv2", "conv3", "conv4", "conv5"}
# What runs that lack a key were trained with, where it is not the paper's.
BEFORE_THE_KEY = {"model": {"dropout_kind": "inverted"}}
PRECISIONS = ("float32", "bfloat16", "float16")


def check_config(config):
    """Raises `UserError` naming the first value that makes no sense."""
    try:
        _check_values(config)
    except AttributeError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"the config lacks a key: {reason}") from None


def _check_values(config):
    data, model, train = config.data, config.model, config.train
    retrieval = config.retrieval
    requirements = {
        "data.limit": (data.limit >= 0, "0 (all) or a number of images"),
        "data.holdout": (0 < data.holdout < 1, "between 0 and 1"),
        "data.shuffle_buffer": (data.shuffle_buffer >= 1, "at least 1"),
        "data.crop_shared_by": (data.crop_shared_by >= 1, "at least 1"),
        "data.statistics": (
            data.statistics in ("measured", "imagenet"),
            "measured or imagenet",
        ),
        "data.cache_gb": (data.cache_gb >= 0, "at least 0"),
        "data.max_damaged": (
            0 <= data.max_damaged < 1,
            "from 0 to below 1, a share of the images",
        ),
        "model.num_classes": (
            model.num_classes == 0 or model.num_classes >= 2,
            "0 (as many as the data has) or at least 2",
        ),
        "model.crop": (
            MIN_CROP <= model.crop <= MAX_CROP,
            f"from {MIN_CROP} to {MAX_CROP}; the paper's is 224",
        ),
        "model.towers": (model.towers in (1, 2), "1 or 2"),
        "model.width": (0 < model.width < 100, "between 0 and 100"),
        "model.kernels": (
            len(model.kernels) == 5 and min(model.kernels) >= 1,
            "five numbers, one per convolution",
        ),
        "model.without": (
            set(model.without) <= REMOVABLE,
            f"names among {', '.join(sorted(REMOVABLE))}",
        ),
        "model.units": (model.units >= 1, "at least 1"),
        "model.activation": (
            model.activation in ACTIVATIONS,
            " or ".join(ACTIVATIONS),
        ),
        "model.pool_stride": (model.pool_stride >= 1, "at least 1"),
        "model.pool_size": (
            _pool5_side(model) >= 1,
            "at least 1, and small enough, as is the stride, that three "
            f"pools leave something of a crop of {model.crop}",
        ),
        "model.dropout": (0 <= model.dropout < 1, "from 0 to below 1"),
        "model.dropout_kind": (
            model.dropout_kind in ("paper", "inverted"),
            "paper or inverted",
        ),
        "model.lighting.divisor": (
            0 < model.lighting.divisor < math.inf,
            "more than 0",
        ),
        "model.mean": (
            model.mean in ("image", "rgb", "given"),
            "image, rgb or given",
        ),
        "model.mean_values": (
            len(model.mean_values) == 3 or model.mean != "given",
            "three numbers, R, G, B, where model.mean is given",
        ),
        "model.input_divisor": (
            0 < model.input_divisor < math.inf,
            "more than 0",
        ),
        "model.channel_order": (
            model.channel_order in ("rgb", "bgr"),
            "rgb or bgr",
        ),
        "model.lrn.scope": (
            model.lrn.scope in ("tower", "layer", "none"),
            "tower, layer or none",
        ),
        "model.lrn.n": (
            model.lrn.n >= 1 and model.lrn.n % 2 == 1,
            "an odd number of maps",
        ),
        "model.conv1_order": (
            model.conv1_order in CONV1_ORDERS,
            " or ".join(CONV1_ORDERS),
        ),
        "model.same_map_norm.size": (
            model.same_map_norm.size == 0
            or (
                model.same_map_norm.size > 0
                and model.same_map_norm.size % 2 == 1
            ),
            "0 (no such layer) or an odd number of units",
        ),
        "model.same_map_norm.k": (model.same_map_norm.k > 0, "more than 0"),
        "model.same_map_norm.alpha": (
            model.same_map_norm.alpha >= 0,
            "at least 0",
        ),
        "model.lighting.std": (model.lighting.std >= 0, "at least 0"),
        "model.lighting.scale": (
            model.lighting.scale in ("eigenvalues", "square_roots"),
            "eigenvalues or square_roots",
        ),
        "model.weight_std": (
            all(0 <= std < math.inf for std in model.weight_std.values()),
            "at least 0 for every layer",
        ),
        "model.lrn.k": (model.lrn.k > 0, "more than 0"),
        "model.lrn.alpha": (model.lrn.alpha >= 0, "at least 0"),
        "train.seed": (0 <= train.seed < 2**31, "from 0 to 2^31 - 1"),
        "train.flat_loss_steps": (train.flat_loss_steps >= 1, "at least 1"),
        "train.save_every_steps": (
            train.save_every_steps >= 0,
            "0 (by time) or a number of steps",
        ),
        "train.save_every_minutes": (
            train.save_every_minutes > 0,
            "more than 0",
        ),
        "train.epochs": (train.epochs >= 1, "at least 1"),
        "train.batch_size": (train.batch_size >= 1, "at least 1"),
        "train.accumulate": (
            train.accumulate >= 1 and train.batch_size % train.accumulate == 0,
            f"a divisor of train.batch_size, which is {train.batch_size}",
        ),
        "train.precision": (
            train.precision in PRECISIONS,
            " or ".join(PRECISIONS),
        ),
        "train.lr": (0 < train.lr < math.inf, "more than 0"),
        "train.momentum": (0 <= train.momentum < 1, "from 0 to below 1"),
        "train.weight_decay": (train.weight_decay >= 0, "at least 0"),
        "train.bias_lr": (
            0 <= train.bias_lr < math.inf,
            "0 (follows train.lr) or a learning rate",
        ),
        "train.layer_lrs": (
            _are_layer_lrs(train.layer_lrs, model.without),
            "like (('conv1', 67, 1e-05), ('conv1', 72, 0.0)): layer of the "
            "network, epochs done, lr from then on, 0 for a frozen layer",
        ),
        "train.lighting_epochs": (
            train.lighting_epochs >= 0,
            "0 (all) or a number of epochs",
        ),
        "train.lr_drops": (train.lr_drops >= 0, "at least 0"),
        "train.lr_drop_factor": (
            0 < train.lr_drop_factor < 1,
            "between 0 and 1",
        ),
        "train.patience": (train.patience >= 1, "at least 1"),
        "retrieval.seed": (0 <= retrieval.seed < 2**31, "from 0 to 2^31 - 1"),
        "retrieval.hidden": (retrieval.hidden >= 1, "at least 1"),
        "retrieval.noise": (0 <= retrieval.noise < math.inf, "at least 0"),
        "retrieval.steps": (retrieval.steps >= 1, "at least 1"),
        "retrieval.batch_size": (retrieval.batch_size >= 1, "at least 1"),
        "retrieval.lr": (0 < retrieval.lr < math.inf, "more than 0"),
    }
    for key, (satisfied, wanted) in requirements.items():
        if not satisfied:
            raise UserError(f"config.{key} is {_get(config, key)}: {wanted}")


def _are_layer_lrs(entries, without):
    try:
        return all(
            layer in paper.LAYERS
            and layer not in without
            and epochs >= 1
            and 0 <= lr < math.inf
            for layer, epochs, lr in entries
        )
    except (TypeError, ValueError):  # no triples of a name and numbers
        return False


def _pool5_side(model):
    """Side of pool5's output; below 1 where nothing is left."""
    if min(model.pool_size, model.pool_stride) < 1:
        return 0
    side = 1 + -(-(model.crop - 11) // 4)  # conv1
    for _ in range(3):
        side = (side - model.pool_size) // model.pool_stride + 1
        if side < 1:
            return 0
    return side


def config_to_json(config):
    """The config as indented JSON text, keys sorted."""
    return json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"


def config_from_json(text):
    """A config from `config_to_json`'s text; tuples have become lists.

    Options that were added since then get the values of `configs/paper.py`,
    or those of `BEFORE_THE_KEY`.
    """
    config = paper.get_config()
    stored = json.loads(text)
    with config.unlocked():
        for section, values in stored.items():
            config[section] = {
                **config[section].to_dict(),
                **BEFORE_THE_KEY.get(section, {}),
                **values,
            }
    return ConfigDict(config.to_dict())


def apply_overrides(config, overrides):
    """Sets dotted keys of `config`, such as {"train.epochs": 2}.

    Raises:
        UserError: no such key, or a value of another type.
    """
    for key, value in overrides.items():
        try:
            _get(config, key)
            config.update_from_flattened_dict({key: value})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"--config.{key}={value}: {reason}") from None


def differences(section, config, other):
    """["section.key is X there, Y here", ...]; see `changed_values`."""
    return [
        f"{key} is {there} there, {here} here"
        for key, there, here in changed_values(section, config, other)
    ]


def changed_values(section, config, other):
    """[("section.key", value there, value here)] where two configs differ.

    Args:
        section: "data", "model" or "train".
        config: the config that is "there".
        other: the config that is "here".

    Returns:
        Sorted by key; "absent" stands for a value that a config lacks.
    """
    there, here = (
        _flat(section, c[section].to_dict()) for c in (config, other)
    )
    return [
        (key, there.get(key, "absent"), here.get(key, "absent"))
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]


def _flat(prefix, values):
    flat = {}
    for key, value in values.items():
        name = f"{prefix}.{key}"
        if isinstance(value, dict):
            flat |= _flat(name, value)
        else:
            flat[name] = _as_lists(value)
    return flat


def _as_lists(value):
    """Lists for tuples, as JSON has them."""
    if isinstance(value, tuple | list):
        return [_as_lists(part) for part in value]
    return value


def _get(config, key):
    for part in key.split("."):
        config = config[part]
    return config
