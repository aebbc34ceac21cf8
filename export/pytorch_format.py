"""The trained network's weights for PyTorch, as .pt or .safetensors.

Beside them lies `alexnet_pytorch.py`, the module that they fit: its docstring
is the guide. Both files carry the run's config and dataset.json as JSON
texts, so `--mode=import_weights` makes a run of either again. conv1 of the
exported network takes RGB whatever order the run's takes.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from ml_collections import ConfigDict

from alexnet_tf.config import changed_values, config_to_json
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import replacing, writable
from alexnet_tf.weights.in_network import joined_weights, with_colours_turned
from alexnet_tf.weights.pytorch_file import STATE_DICT, import_torch
from alexnet_tf.weights.safetensors_file import import_safetensors
from alexnet_tf.weights.state_dict import CONFIG, DATASET, to_state_dict
from configs import paper

if TYPE_CHECKING:
    import numpy as np

    from alexnet_tf.run.folder import Run
    from alexnet_tf.run.trained import TrainedNetwork

MODULE = pathlib.Path(__file__).with_name("alexnet_pytorch.py")
# Options that the module follows, and those that matter in training alone.
FOLLOWED = (
    *("model.num_classes", "model.crop", "model.towers", "model.width"),
    *("model.kernels", "model.units", "model.activation"),
    *("model.pool_size", "model.pool_stride", "model.mean", "model.lrn."),
    *("model.dropout", "model.lighting.", "model.weight_std.", "model.bias."),
    *("model.mean_values", "model.input_divisor", "model.channel_order"),
)


def write_pytorch(
    export_dir: str | pathlib.Path, run: Run, trained: TrainedNetwork
) -> pathlib.Path:
    """Writes `<export_dir>/alexnet.pt`, see `_write`.

    The file is a dict: "state_dict", "config" and "dataset".
    """
    torch = import_torch()

    def save(
        path: pathlib.Path, arrays: dict[str, np.ndarray], texts: dict[str, str]
    ) -> None:
        tensors = {n: torch.from_numpy(a) for n, a in arrays.items()}
        torch.save({STATE_DICT: tensors, **texts}, path)

    return _write(pathlib.Path(export_dir) / "alexnet.pt", run, trained, save)


def write_safetensors(
    export_dir: str | pathlib.Path, run: Run, trained: TrainedNetwork
) -> pathlib.Path:
    """Writes `<export_dir>/alexnet.safetensors`, see `_write`.

    "config" and "dataset" are in its metadata.
    """
    import_safetensors()
    from safetensors.numpy import save_file

    def save(
        path: pathlib.Path, arrays: dict[str, np.ndarray], texts: dict[str, str]
    ) -> None:
        save_file(arrays, path, {"format": "pt", **texts})

    file = pathlib.Path(export_dir) / "alexnet.safetensors"
    return _write(file, run, trained, save)


def _write(
    file: pathlib.Path,
    run: Run,
    trained: TrainedNetwork,
    save: Callable[[pathlib.Path, dict, dict], None],
) -> pathlib.Path:
    """Writes the weights and the module, each complete or not at all.

    Args:
        file: path; its folder is made if absent.
        run: the `Run` that the weights come from.
        trained: its `TrainedNetwork`.
        save: takes a path, the state dict's arrays and the JSON texts.

    Returns:
        `file`.

    Raises:
        UserError: the module does not know an option of the run's network,
            or the folder cannot be written.
    """
    config = run.read_config()
    _check_followed(config)
    layers = joined_weights(trained.network)
    if config.model.channel_order == "bgr":
        layers["conv1"] = with_colours_turned(*layers["conv1"])
    mean = trained.network.get_layer("mean").mean.numpy()
    dataset = {**run.read_dataset(), "data_dir": None}
    texts = {CONFIG: config_to_json(config), DATASET: json.dumps(dataset)}
    with writable(f"--export_dir={file.parent}"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            save(temporary, to_state_dict(layers, mean), texts)
        with replacing(file.with_name(MODULE.name)) as temporary:
            temporary.write_bytes(MODULE.read_bytes())
    return file


def _check_followed(config: ConfigDict) -> None:
    for key, _, value in changed_values("model", paper.get_config(), config):
        if not key.startswith(FOLLOWED):
            raise UserError(
                f"{MODULE.name} does not know {key}={value}: export to "
                "saved_model or onnx"
            )
