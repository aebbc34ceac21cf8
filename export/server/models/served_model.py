"""One model: its versions, from their discovery to their end."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from alexnet_tf.errors import one_line
from alexnet_tf.run.about import about_version
from export.server.json.document import shortened
from export.server.models.versions import ModelConfig, versions_on_disk
from export.server.serving_error import ServingError

if TYPE_CHECKING:
    from export.server.models.loaded_model import LoadedModel


@dataclasses.dataclass
class Version:
    """A version and what has become of it.

    Attributes:
        number: its number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        error: the `ServingError` that ended it, or None.
        model: the `LoadedModel` while AVAILABLE or UNLOADING.
        users: requests that run in it.
        gone: whether it has not been there since it failed.
    """

    number: int
    _: dataclasses.KW_ONLY
    state: str = "START"
    error: ServingError | None = None
    model: LoadedModel | None = None
    users: int = 0
    gone: bool = False


class ServedModel:
    """Keeps the wanted versions of a model loaded.

    `refresh` belongs to one thread; the other methods may be called from any.

    Args:
        config: `ModelConfig`.
        load: function of (path, name, number) that returns a `LoadedModel`
            or raises `ServingError`.
    """

    def __init__(
        self,
        config: ModelConfig,
        load: Callable[[pathlib.Path, str, int], LoadedModel],
    ) -> None:
        self.config = config
        self._load = load
        self._lock = threading.RLock()
        self._versions = {}
        self._unlisted = False

    def discover(self) -> list[int]:
        """Makes the versions known that `refresh` will load, to `status`.

        Returns:
            Their numbers, the newest first.

        Raises:
            OSError: the base folder cannot be listed.
        """
        wanted = self.config.policy(versions_on_disk(self.config.base_path))
        return [version.number for version in self._newly_wanted(wanted)]

    def refresh(self, report: Callable[[str], None]) -> None:
        """Looks once for versions that came or went.

        A new one is loaded before an old one is let go. One that cannot be
        loaded does not count, so that an older one is wanted instead.

        Args:
            report: called with a line for each version that was loaded, was
                unloaded or failed.
        """
        while True:
            # Again after each load, which takes long: a version that went
            # meanwhile takes no other's place.
            try:
                paths = versions_on_disk(self.config.base_path)
            except OSError as error:
                if not self._unlisted:  # one line, not one a second
                    report(f"{self.config.base_path}: {error.strerror}")
                self._unlisted = True
                return
            self._unlisted = False
            wanted = self.config.policy(self._without_failed(paths))
            new = self._newly_wanted(wanted)
            for version in new:
                self._bring_up(version, paths, report)
            if not new:
                break
        self._let_go(wanted, listed=self.config.policy(paths))
        self._close_unused(report)

    @contextlib.contextmanager
    def use(
        self, number: int | None = None, label: str | None = None
    ) -> Iterator[LoadedModel]:
        """The loaded model of a version, which is not unloaded meanwhile.

        Args:
            number: of the version, or None for the latest.
            label: of the version, or None.

        Raises:
            ServingError: there is no such version.
        """
        if label is not None:
            if label not in self.config.labels:
                raise unknown_label(label)
            number = self.config.labels[label]
        with self._lock:
            version = self._available(number)
            version.users += 1
        assert version.model is not None  # it is AVAILABLE
        try:
            yield version.model
        finally:
            with self._lock:
                version.users -= 1

    def status(
        self, number: int | None = None
    ) -> list[tuple[int, str, ServingError | None]]:
        """[(number, state, error or None)] of the versions, newest first.

        Args:
            number: of the one version to tell of, or None for all.

        Raises:
            ServingError: there is no such version.
        """
        with self._lock:
            known = [
                (version.number, version.state, version.error)
                for _, version in sorted(self._versions.items(), reverse=True)
                if number in (None, version.number)
            ]
        if not known and number is None:
            raise no_versions(self.config.name)
        if not known:
            raise ServingError(
                f"Could not find version {number} of model {self.config.name}",
                "NOT_FOUND",
            )
        return known

    def close(self) -> bool:
        """Unloads every version that no request runs in; whether all are."""
        with self._lock:
            for version in self._versions.values():
                if version.state == "AVAILABLE":
                    version.state = "UNLOADING"
        self._close_unused(lambda line: None)
        return all(v.model is None for v in self._versions.values())

    def _available(self, number: int | None) -> Version:
        numbers = [
            version.number
            for version in self._versions.values()
            if version.state == "AVAILABLE" and number in (None, version.number)
        ]
        if not numbers:
            states = {version.state for version in self._versions.values()}
            if states & {"START", "LOADING"} and "AVAILABLE" not in states:
                raise ServingError(
                    f"{self.config.name} is still loading", "UNAVAILABLE"
                )
            raise not_servable(self.config.name, number)
        return self._versions[max(numbers)]

    def _without_failed(self, paths: dict[int, pathlib.Path]) -> list[int]:
        """The numbers of `paths`, but for those that failed to load."""
        with self._lock:
            for version in self._versions.values():
                if version.number not in paths:
                    version.gone = version.state == "END"
            return [
                number
                for number in paths
                if number not in self._versions
                or self._versions[number].gone
                or not self._versions[number].error
            ]

    def _newly_wanted(self, wanted: list[int]) -> list[Version]:
        """Versions to load, the newest first."""
        with self._lock:
            for number in wanted:
                known = self._versions.get(number)
                # One that was let go may be wanted again, at once.
                if known is None or (
                    known.state == "END" and (known.gone or not known.error)
                ):
                    self._versions[number] = Version(number)
            return [
                self._versions[number]
                for number in sorted(wanted, reverse=True)
                if self._versions[number].state == "START"
            ]

    def _bring_up(
        self,
        version: Version,
        paths: dict[int, pathlib.Path],
        report: Callable[[str], None],
    ) -> None:
        path = paths[version.number]
        name = f"{self.config.name} version {version.number}"
        with self._lock:
            version.state = "LOADING"
        begin = time.monotonic()
        try:
            model = self._load(path, self.config.name, version.number)
        except ServingError as error:
            with self._lock:
                # The exception itself is not kept: its frames would keep the
                # graph.
                version.error = ServingError(error.message, error.code)
                version.state = "END"
                # This happens in the same step: the model is not yet lost.
                wanted = self.config.policy(self._without_failed(paths))
                self._newly_wanted(wanted)
            report(f"{name} failed to load from {path}: {one_line(error)}")
            return
        with self._lock:
            version.model = model
            version.state = "AVAILABLE"
        seconds = time.monotonic() - begin
        about = about_version(pathlib.Path(path)).removeprefix(str(path))
        report(f"{name} loaded from {path} in {seconds:.1f} s{about}")

    def _let_go(self, wanted: list[int], listed: list[int]) -> None:
        with self._lock:
            available = {
                version.number
                for version in self._versions.values()
                if version.state == "AVAILABLE"
            }
            if listed and not available & set(wanted):
                return  # what is there is broken: the old one goes on
            for number in available - set(wanted):
                self._versions[number].state = "UNLOADING"

    def _close_unused(self, report: Callable[[str], None]) -> None:
        with self._lock:
            unused = [
                version
                for version in self._versions.values()
                if version.state == "UNLOADING" and not version.users
            ]
        for version in unused:
            assert version.model is not None  # until it is closed
            version.model.close()
            with self._lock:
                version.model = None
                version.state = "END"
            report(f"{self.config.name} version {version.number} unloaded")


def not_servable(name: str, number: int | None = None) -> ServingError:
    """The error for a model or version that is not there to run."""
    name = shortened(name)
    which = (
        f"Latest({name})" if number is None else f"Specific({name}, {number})"
    )
    return ServingError(f"Servable not found for request: {which}", "NOT_FOUND")


def no_versions(name: str) -> ServingError:
    """The error for the status of a model that is not served."""
    return ServingError(
        f"Could not find any versions of model {shortened(name)}", "NOT_FOUND"
    )


def unknown_label(label: str) -> ServingError:
    """The error for a label that no version has."""
    return ServingError(
        f"Unrecognized servable version label: {shortened(label)}"
    )
