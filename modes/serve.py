"""--mode=serve: the local development server."""

import functools
import os
import sys

import tensorflow as tf

from export.server.http.application import make_application
from export.server.http.life_cycle import bound_socket, run_until_signal, url_of
from export.server.http.limits import Limits
from export.server.http.origins import Origins
from export.server.models.loaded_model import LoadedModel
from export.server.models.model_manager import ModelManager
from export.server.models.models_config import read_models_config
from export.server.models.versions import ModelConfig

POLL_SECONDS = 1
GRACE_SECONDS = 30

say = functools.partial(print, flush=True)


def main(options):
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    tf.get_logger().setLevel("ERROR")  # it calls TF1's loader deprecated
    limits = Limits()
    origins = Origins(options.host, options.allow_origin)
    configs = models_to_serve(options)
    manager = ModelManager(
        configs, functools.partial(LoadedModel, run_timeout=limits.seconds)
    )
    with bound_socket(options.host, options.port) as bound:
        loaded = []
        manager.load_all(loaded.append)

        def ready():
            say(start_up_lines(url_of(bound), configs, loaded))
            manager.start_polling(POLL_SECONDS, say)

        app = make_application(manager, limits, origins)
        run_until_signal(app, bound, ready, GRACE_SECONDS)
    if not manager.stop(GRACE_SECONDS):
        # What still runs cannot be interrupted and would hold up the exit.
        sys.stdout.flush()
        os._exit(0)
    say("stopped")
    return 0


def models_to_serve(options):
    """The models of --models_config, or the one under --export_dir."""
    if options.models_config:
        return read_models_config(options.models_config)
    base = os.path.abspath(options.export_dir)
    return [ModelConfig(name=os.path.basename(base), base_path=base)]


def start_up_lines(url, configs, loaded):
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
