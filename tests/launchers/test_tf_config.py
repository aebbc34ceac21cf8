"""TF_CONFIG from what Kubernetes and Slurm set."""

import pytest

from launchers.tf_config import from_kubernetes, from_slurm, tasks_per_node

POD = {
    "JOB_NAME": "alexnet",
    "SERVICE_NAME": "workers",
    "WORKERS": "3",
    "WORKER_PORT": "2222",
    "JOB_COMPLETION_INDEX": "2",
}
TASK = {
    "SLURM_JOB_ID": "4003",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
    "SLURM_PROCID": "1",
}


def test_pods_are_named_by_their_index():
    cluster = from_kubernetes(POD)
    assert cluster.rank == 2
    assert cluster.addresses == (
        "alexnet-0.workers:2222",
        "alexnet-1.workers:2222",
        "alexnet-2.workers:2222",
    )


def test_tasks_of_a_node_have_a_port_each():
    cluster = from_slurm(TASK, ["n1", "n7"])
    assert cluster.rank == 1
    assert cluster.addresses == ("n1:20096", "n1:20097", "n7:20096")


@pytest.mark.parametrize("job", ["1", "999", "123456789"])
def test_ports_exist(job):
    cluster = from_slurm(TASK | {"SLURM_JOB_ID": job}, ["n1", "n7"])
    ports = [int(a.partition(":")[2]) for a in cluster.addresses]
    assert all(1024 < port < 65536 for port in ports)


@pytest.mark.parametrize(
    ("text", "counts"),
    [("1", [1]), ("2(x3)", [2, 2, 2]), ("2(x2),1", [2, 2, 1]), ("4,8", [4, 8])],
)
def test_tasks_per_node(text, counts):
    assert tasks_per_node(text) == counts
