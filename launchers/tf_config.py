"""TF_CONFIG of a process that a cluster manager has started.

export TF_CONFIG="$(python -m launchers.tf_config kubernetes)"
export TF_CONFIG="$(python -m launchers.tf_config slurm)"
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from alexnet_tf.workers.cluster import Cluster


def from_kubernetes(variables: Mapping[str, str]) -> Cluster:
    """The `Cluster` of a pod of an Indexed Job.

    Its pods have the host names JOB-INDEX, which a headless service resolves.

    Args:
        variables: dict with JOB_COMPLETION_INDEX, which Kubernetes sets, and
            JOB_NAME, SERVICE_NAME, WORKERS and WORKER_PORT.

    Raises:
        KeyError: one is missing.
    """
    job, service = variables["JOB_NAME"], variables["SERVICE_NAME"]
    port = int(variables["WORKER_PORT"])
    addresses = tuple(
        f"{job}-{rank}.{service}:{port}"
        for rank in range(int(variables["WORKERS"]))
    )
    return Cluster(addresses, int(variables["JOB_COMPLETION_INDEX"]))


def from_slurm(variables: Mapping[str, str], hosts: list[str]) -> Cluster:
    """The `Cluster` of a task that srun has started.

    Args:
        variables: dict with what srun sets.
        hosts: names of the nodes of the step, in Slurm's order.

    Raises:
        KeyError: a variable is missing.
    """
    # One port for each task of a node; jobs that share a node differ by their
    # number.
    first_port = 20000 + 32 * (int(variables["SLURM_JOB_ID"]) % 1000)
    tasks = tasks_per_node(variables["SLURM_STEP_TASKS_PER_NODE"])
    addresses = tuple(
        f"{host}:{first_port + local}"
        for host, count in zip(hosts, tasks, strict=True)
        for local in range(count)
    )
    return Cluster(addresses, int(variables["SLURM_PROCID"]))


def tasks_per_node(text: str) -> list[int]:
    """[2, 2, 1] of Slurm's "2(x2),1"."""
    counts = []
    for part in text.split(","):
        count, _, nodes = part.rstrip(")").partition("(x")
        counts += [int(count)] * int(nodes or 1)
    return counts


def slurm_hosts(node_list: str) -> list[str]:
    """The names that Slurm's "node[1-3,7]" stands for."""
    return subprocess.run(
        ["scontrol", "show", "hostnames", node_list],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.split()


def main(manager: str) -> None:
    """Prints the TF_CONFIG of this process."""
    variables = dict(os.environ)
    try:
        if manager == "kubernetes":
            cluster = from_kubernetes(variables)
        else:
            hosts = slurm_hosts(variables["SLURM_STEP_NODELIST"])
            cluster = from_slurm(variables, hosts)
    except KeyError as error:
        sys.exit(f"launchers.tf_config: the variable {error} is not set")
    print(cluster.to_json())


if __name__ == "__main__":
    if sys.argv[1:] not in (["kubernetes"], ["slurm"]):
        sys.exit(__doc__)
    main(sys.argv[1])
