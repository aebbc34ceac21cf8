"""The models that a file in TF Serving's format lists."""

import os
import pathlib
from collections.abc import Callable
from typing import Any

from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.atomic import readable
from alexnet_tf.terminal.quiet_start import start_up_notes_hidden
from export.server.models.versions import ModelConfig, every, latest, specific


def read_models_config(file: str | pathlib.Path) -> list[ModelConfig]:
    """Reads a `ModelServerConfig` in protobuf's text format.

    Args:
        file: its path.

    Returns:
        list of `ModelConfig`.

    Raises:
        UserError: the file is missing, has another form, or asks for what
            this server has not.
    """
    config = _parse(file)
    if config.WhichOneof("config") != "model_config_list":
        raise UserError(f"{file} has no model_config_list")
    models = [
        _model(config, file) for config in config.model_config_list.config
    ]
    if not models:
        raise UserError(f"{file}: model_config_list is empty")
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{file} has more than one model {name}")
    return models


def _parse(file: str | pathlib.Path) -> Any:
    with readable(file), open(file, encoding="utf-8-sig") as text:
        content = text.read()
    # TensorFlow itself comes with its messages.
    with start_up_notes_hidden():
        from google.protobuf import text_format

        from export.messages import ModelServerConfig
    config = ModelServerConfig()
    try:
        return text_format.Parse(content, config)
    except text_format.ParseError as error:
        reason = one_line(error)
        raise UserError(f"{file} is no models config: {reason}") from None


def _model(config: Any, file: str | pathlib.Path) -> ModelConfig:
    where = f"{file}: model {config.name or 'without a name'}"
    if not config.name:
        raise UserError(f"{where}: set name")
    if "/" in config.name or ":" in config.name:
        raise UserError(f"{where}: a name cannot contain / or :")
    if not config.name.isprintable():
        raise UserError(
            f"{file}: model {config.name!a}: a name cannot contain control "
            "characters"
        )
    if not os.path.isabs(config.base_path):
        raise UserError(
            f"{where}: base_path must be an absolute path, not "
            f'"{config.base_path}"'
        )
    if config.model_platform != "tensorflow":
        raise UserError(
            f'{where}: model_platform must be "tensorflow", not '
            f'"{config.model_platform}"'
        )
    return ModelConfig(
        name=config.name,
        base_path=config.base_path,
        policy=_policy(config.model_version_policy, where),
        labels=dict(config.version_labels),
    )


def _policy(policy: Any, where: str) -> Callable:
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return every()
    if choice == "specific":
        if not policy.specific.versions:
            raise UserError(f"{where}: the policy specific lists no versions")
        return specific(policy.specific.versions)
    return latest(policy.latest.num_versions or 1)
