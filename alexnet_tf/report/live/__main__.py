"""The page beside a training, in a process of its own; see `watched`.

    python -m alexnet_tf.report.live RUN PORT

It imports no TensorFlow, ends with the process that started it, and what
goes wrong here stops no training.
"""

import os
import sys

from alexnet_tf.errors import BAD_INPUT, UserError
from alexnet_tf.report.live.server import serve_run
from alexnet_tf.run.folder import Run


def main(path: str, port: str) -> int:
    """Serves the page of a run, which need not have begun."""
    try:
        serve_run(
            Run(path),
            int(port),
            lambda url: print(f"watch it: {url}", flush=True),
            parent=os.getppid(),
        )
    except UserError as error:
        print(f"main.py: --watch: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
