"""--mode=watch: a page about a run, while it trains or afterwards."""

from alexnet_tf.options import Options
from alexnet_tf.report.live.server import serve_run
from alexnet_tf.run.folder import existing_run


def main(options: Options) -> int:
    """Serves the page until Ctrl-C; returns the exit code."""
    assert options.run  # `MODES` says that it is needed
    run = existing_run(options.run)
    serve_run(
        run,
        options.port,
        lambda url: print(
            f"{url} shows {run.path}; Ctrl-C ends it", flush=True
        ),
    )
    return 0
