"""Joining the other workers, and what happens when one is lost."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from alexnet_tf.errors import UserError, one_line
from alexnet_tf.workers.alone import Alone, Workers
from alexnet_tf.workers.cluster import cluster_from_environment
from alexnet_tf.workers.launch import end_with_launcher

if TYPE_CHECKING:
    from alexnet_tf.run.folder import Run

ABORTED_BY = "Collective ops is aborted by: "


def join_workers(run: str | None) -> Workers:
    """The `Joined` that TF_CONFIG asks for, `Alone` where it asks for none.

    Before TensorFlow runs any operation.

    Args:
        run: value of --run.

    Raises:
        UserError: TF_CONFIG cannot be understood, or there is no --run, which
            all workers must share.
    """
    cluster = cluster_from_environment()
    if cluster is None or len(cluster.addresses) == 1:
        return Alone()
    if not run:
        raise UserError(
            "several workers need --run=DIR, a folder that all of them see"
        )
    end_with_launcher()
    from alexnet_tf.workers.joined import Joined

    print(
        f"worker {cluster.rank} of {len(cluster.addresses)}: waiting for the "
        "others",
        flush=True,
    )
    return Joined(cluster)


@contextlib.contextmanager
def losing_workers(run: Run, workers: Workers) -> Iterator[None]:
    """Ends the process with one line where another worker was lost."""
    if workers.size == 1:
        yield
        return
    from alexnet_tf.workers.joined import LOST

    try:
        yield
    except LOST as error:
        # What comes first is the trace of an operation.
        reason = error.message.partition(ABORTED_BY)[2] or error.message
        reason = one_line(reason, 300)
        print(
            f"main.py: worker {workers.rank} stops, since another worker does "
            f"not answer any more; {run.how_to_go_on} (on all workers). "
            f"TensorFlow: {reason}",
            file=sys.stderr,
        )
        sys.exit(1)
