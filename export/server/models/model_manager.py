"""All models, and the thread that looks for new versions."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from alexnet_tf.errors import UserError
from alexnet_tf.terminal.command import command
from export.server.models.served_model import (
    ServedModel,
    no_versions,
    not_servable,
    unknown_label,
)
from export.server.models.versions import ModelConfig, versions_on_disk

if TYPE_CHECKING:
    import contextlib
    import pathlib

    from export.server.http.routes import Route
    from export.server.models.loaded_model import LoadedModel
    from export.server.serving_error import ServingError


class ModelManager:
    """Loads models, replaces versions and lends them to requests.

    Args:
        configs: list of `ModelConfig`, of different names.
        load: function of (path, name, number) that returns a `LoadedModel`
            or raises `ServingError`.
    """

    def __init__(
        self,
        configs: list[ModelConfig],
        load: Callable[[pathlib.Path, str, int], LoadedModel],
    ) -> None:
        self._models = {c.name: ServedModel(c, load) for c in configs}
        self._stop = threading.Event()
        self._thread = None

    @property
    def names(self) -> list[str]:
        """Names of the models, in the order of their configs."""
        return list(self._models)

    def without_version(self) -> list[str]:
        """Names of the models of which no version can be used."""
        return [
            name
            for name, model in self._models.items()
            if all(state != "AVAILABLE" for _, state, _ in model.status())
        ]

    def discover(self) -> dict[str, list[pathlib.Path]]:
        """Looks for the versions that `load_all` will load first.

        Returns:
            {name of a model: its folders, the newest version first}.

        Raises:
            UserError: a model has no version.
        """
        return {name: _found(model) for name, model in self._models.items()}

    def load_all(self, report: Callable[[str], None]) -> None:
        """Loads what is there now.

        Args:
            report: called with a line for each version.

        Raises:
            UserError: a model has no version, or none that can be loaded.
        """
        self.discover()
        for model in self._models.values():
            model.refresh(report)
            states = model.status()
            served = [n for n, state, _ in states if state == "AVAILABLE"]
            if not served:
                number, _, error = states[0]
                raise UserError(
                    f"{model.config.base_path}/{number} cannot be loaded: "
                    f"{error}"
                )
            over = [str(n) for n, _, _ in states if n > served[0]]
            if over:
                report(
                    f"{model.config.name}: version {served[0]} answers; "
                    f"{', '.join(over)} passed over, see above"
                )

    def start_polling(
        self, seconds: float, report: Callable[[str], None]
    ) -> None:
        """Looks for new versions every so many seconds, in a thread."""
        self._thread = threading.Thread(
            target=self._poll,
            args=(seconds, report),
            name="versions",
            daemon=True,
        )
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ends the thread and unloads what no request runs in.

        Args:
            timeout: seconds to wait for a load, which cannot be interrupted.

        Returns:
            Whether nothing of all this goes on.
        """
        self._stop.set()
        if self._thread:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        return all([model.close() for model in self._models.values()])

    def use(
        self, route: Route
    ) -> contextlib.AbstractContextManager[LoadedModel]:
        """Context manager that lends the `LoadedModel` a route names.

        Raises:
            ServingError: there is none.
        """
        if route.model in self._models:
            return self._models[route.model].use(route.version, route.label)
        if route.label is not None:
            raise unknown_label(route.label)
        raise not_servable(route.model, route.version)

    def status(
        self, route: Route
    ) -> list[tuple[int, str, ServingError | None]]:
        """[(number, state, error or None)], newest first.

        Raises:
            ServingError: there is no such model or version.
        """
        if route.model in self._models:
            return self._models[route.model].status(route.version)
        raise no_versions(route.model)

    def _poll(self, seconds: float, report: Callable[[str], None]) -> None:
        while not self._stop.wait(seconds):
            for model in self._models.values():
                try:
                    model.refresh(report)
                except Exception:  # a fault in one model stops no other
                    traceback.print_exc(file=sys.stderr)


def _found(model: ServedModel) -> list[pathlib.Path]:
    config = model.config
    try:
        numbers = model.discover()
    except OSError as error:
        reason = f"{config.base_path} cannot be read: {error.strerror}"
    else:
        if numbers:
            paths = versions_on_disk(config.base_path)
            return [paths[number] for number in numbers]
        reason = f"{config.base_path} holds no version to serve"
    raise UserError(
        f"model {config.name}: {reason}; write one with "
        f"{command('export', export_dir=config.base_path)}"
    )
