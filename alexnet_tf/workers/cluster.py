"""Which processes train together, read from TF_CONFIG."""

import dataclasses
import json
import os

from alexnet_tf.errors import UserError

VARIABLE = "TF_CONFIG"


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run.

    Attributes:
        addresses: "host:port" of each.
        rank: number of this one, from 0.
    """

    addresses: tuple[str, ...]
    rank: int

    def to_json(self) -> str:
        """The value of TF_CONFIG that says so."""
        return json.dumps(
            {
                "cluster": {"worker": list(self.addresses)},
                "task": {"type": "worker", "index": self.rank},
            }
        )


def cluster_from_environment() -> Cluster | None:
    """The `Cluster` that TF_CONFIG describes, None where it is not set.

    Raises:
        UserError: it cannot be understood.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        config = json.loads(text)
        addresses = tuple(config["cluster"]["worker"])
        task = config["task"]
        cluster = Cluster(addresses, int(task["index"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _misunderstood(f"{type(error).__name__}: {error}") from None
    if set(config["cluster"]) != {"worker"} or task.get("type") != "worker":
        raise _misunderstood("all tasks must be of type worker")
    if not 0 <= cluster.rank < len(addresses):
        raise _misunderstood(
            f"task index {cluster.rank} of {len(addresses)} workers"
        )
    if not all(isinstance(a, str) and ":" in a for a in addresses):
        raise _misunderstood("each worker is a string HOST:PORT")
    return cluster


def _misunderstood(reason: str) -> UserError:
    return UserError(
        f"{VARIABLE} cannot be used ({reason}): it looks like "
        + Cluster(("HOST0:PORT", "HOST1:PORT"), 0).to_json()
    )
