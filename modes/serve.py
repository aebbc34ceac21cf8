"""--mode=serve: the local development server."""

import functools
import os
import sys
import threading
from collections.abc import Callable

from alexnet_tf.files.text import printable
from alexnet_tf.options import Options
from alexnet_tf.terminal.quiet_start import start_up_notes_hidden
from export.server.http.application import make_application
from export.server.http.life_cycle import bound_socket, run_until_signal, url_of
from export.server.http.limits import Limits
from export.server.http.origins import Origins
from export.server.http.standard_streams import streams_aside
from export.server.models.loaded_model import LoadedModel
from export.server.models.model_manager import ModelManager
from export.server.models.models_config import read_models_config
from export.server.models.versions import ModelConfig

POLL_SECONDS = 1
GRACE_SECONDS = 6


def main(options: Options) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    with streams_aside():
        ended = serve(options)
    if not ended:
        # What still runs cannot be interrupted and would hold up the exit.
        os._exit(0)
    return 0


def serve(options: Options) -> bool:
    """Serves until SIGTERM or SIGINT; returns whether all that ran ended."""
    limits = Limits()
    origins = Origins(options.host, options.allow_origin)
    configs = models_to_serve(options)
    manager = ModelManager(
        configs, functools.partial(LoadedModel, run_timeout=limits.seconds)
    )
    with bound_socket(options.host, options.port) as bound:
        url = url_of(bound)
        for name, folders in manager.discover().items():
            paths = printable(", ".join(map(str, folders)))
            print(f"loading {name} from {paths} ...", file=sys.stderr)
        print(f"{url} meanwhile tells that it is loading", file=sys.stderr)
        app = make_application(manager, limits, origins, sys.stderr)
        loader = Loader(
            manager, functools.partial(start_up_lines, url, configs)
        )
        run_until_signal(app, bound, loader.start, GRACE_SECONDS)
    if loader.error:
        raise loader.error
    ended = loader.done and manager.stop(GRACE_SECONDS)
    print("stopped")
    return ended


class Loader:
    """Loads the models in a thread while the server already answers.

    Attributes:
        done: whether all are loaded.
        error: the exception that ended it, or None.

    Args:
        manager: `ModelManager`.
        lines: function of what was loaded, a line each, that returns what to
            say once all are.
    """

    def __init__(
        self, manager: ModelManager, lines: Callable[[list[str]], str]
    ) -> None:
        self.done = False
        self.error = None
        self._manager = manager
        self._lines = lines

    def start(self, end: Callable[[], None]) -> None:
        """Begins; `end` is called if it cannot be done."""
        threading.Thread(
            target=self._run, args=(end,), name="loader", daemon=True
        ).start()

    def _run(self, end: Callable[[], None]) -> None:
        loaded = []
        try:
            with start_up_notes_hidden():
                import tensorflow as tf
            # TensorFlow calls TF1's loader deprecated.
            tf.get_logger().setLevel("ERROR")
            self._manager.load_all(loaded.append)
        except BaseException as error:
            self.error = error
            end()
            return
        self.done = True
        print(self._lines(loaded))
        self._manager.start_polling(POLL_SECONDS, print)


def models_to_serve(options: Options) -> list[ModelConfig]:
    """The models of --models_config, or the one under --export_dir."""
    if options.models_config:
        return read_models_config(options.models_config)
    base = os.path.abspath(options.export_dir)
    return [ModelConfig(name=os.path.basename(base), base_path=base)]


def start_up_lines(
    url: str, configs: list[ModelConfig], loaded: list[str]
) -> str:
    """What the person who started it reads; the URL stands first."""
    names = ", ".join(config.name for config in configs)
    return "\n".join(
        [
            f"{url} serves {names}: a development server, not TensorFlow "
            "Serving",
            *loaded,
            f"Page: {url}/ui/",
            "Request:",
            """  (printf '{"instances": [{"b64": "'; base64 < FILE.jpg; """
            f"""printf '"}}]}}') | curl -d @- {url}/v1/models/"""
            f"{configs[0].name}:predict",
        ]
    )
