"""Packages that only a part of the program needs, imported where it does."""

import importlib
import types

from alexnet_tf.errors import UserError


def import_or_explain(
    module: str, what: str, group: str | None = None
) -> types.ModuleType:
    """An optional module.

    Args:
        module: dotted name, such as "onnx.helper".
        what: who needs it, such as "--format=onnx".
        group: of dependencies in pyproject.toml that has the package; without
            one the package is named by itself.

    Raises:
        UserError: the package is not installed; says how to mend that.
        ModuleNotFoundError: it is, but lacks something itself.
    """
    package = module.partition(".")[0]
    try:
        importlib.import_module(package)
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        wanted = f"--group {group}" if group else package
        raise UserError(
            f"{what} needs {package}: pip install {wanted}"
        ) from None
