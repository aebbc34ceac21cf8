"""Packages that only a part of the program needs, imported where it does."""

import importlib
import types

from alexnet_tf.errors import UserError


def import_or_explain(
    module: str, what: str, install: str | None = None
) -> types.ModuleType:
    """An optional module.

    Args:
        module: dotted name, such as "onnx.helper".
        what: who needs it, such as "--format=onnx".
        install: what follows `pip install`, such as "--group onnx"; without
            it the package's own name.

    Raises:
        UserError: the package is not installed; says how to mend that.
        ModuleNotFoundError: it is, but lacks something itself.
    """
    package, *parts = module.split(".")
    try:
        found = importlib.import_module(package)
        for part in parts:
            found = importlib.import_module(f"{found.__name__}.{part}")
        return found
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != package:
            raise
        raise UserError(
            f"{what} needs {package}: pip install {install or package}"
        ) from None
