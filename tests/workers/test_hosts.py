"""Two hosts: network namespaces, joined by a cable that can be cut."""

import contextlib
import os
import subprocess
import time

import pytest

from alexnet_tf.workers.cluster import Cluster
from tests.workers.comparison import assert_equal_runs

ADDRESSES = ("10.213.77.1", "10.213.77.2")
SECONDS_TO_NOTICE = 60  # as docs/workers.md says


class Hosts:
    """Two network namespaces with an address each.

    Raises:
        CalledProcessError: this user may not make them.
    """

    def __init__(self):
        number = os.getpid()
        self._names = [f"alexnet-{number}-{rank}" for rank in (0, 1)]
        self._cables = [f"an{rank}x{number}" for rank in (0, 1)]

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        for name in self._names:
            ip("netns", "add", name)
        ends = [
            (cable, "netns", name)
            for cable, name in zip(self._cables, self._names, strict=True)
        ]
        ip("link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1])
        for rank, name in enumerate(self._names):
            cable = self._cables[rank]
            ip(
                "-n",
                name,
                "address",
                "add",
                f"{ADDRESSES[rank]}/24",
                "dev",
                cable,
            )
            ip("-n", name, "link", "set", "lo", "up")
        self.set_cable("up")

    def set_cable(self, state):
        """Plugs it in ("up") or out ("down")."""
        for name, cable in zip(self._names, self._cables, strict=True):
            ip("-n", name, "link", "set", cable, state)

    def how(self, rank):
        """Keyword arguments of `start` for a worker on host `rank`."""
        addresses = tuple(f"{address}:2222" for address in ADDRESSES)
        return {
            "before": ("ip", "netns", "exec", self._names[rank]),
            "environment": {"TF_CONFIG": Cluster(addresses, rank).to_json()},
        }

    def __exit__(self, *exception):
        for name in self._names:
            subprocess.run(
                ["ip", "netns", "delete", name],
                check=False,
                capture_output=True,
            )


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def hosts():
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(Hosts())
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"network namespaces cannot be made here: {error}")
        yield made


@pytest.mark.slow
def test_two_hosts_whose_cable_is_cut(
    tmp_path, hosts, arguments_for, start, finished_run
):
    run = tmp_path / "run"

    def start_both(epochs):
        arguments = [
            *arguments_for(run, **{"train.save_every_steps": 1}),
            f"--config.train.epochs={epochs}",
        ]
        return [start(arguments, **hosts.how(rank)) for rank in (0, 1)]

    workers = start_both(epochs=1000)
    workers[0].wait_for_state(run, count=2)
    hosts.set_cable("down")
    begin = time.monotonic()
    for rank, worker in enumerate(workers):
        assert worker.wait(SECONDS_TO_NOTICE) == 1, worker.output
        print(f"worker {rank}: {time.monotonic() - begin:.0f} s")
        assert (
            f"main.py: worker {rank} stops, since another worker does not "
            f"answer any more; continue with: python main.py --mode=train "
            f"--run={run} (on all workers)"
        ) in worker.output
    hosts.set_cable("up")
    workers = start_both(epochs=3)
    for worker in workers:
        assert worker.wait() == 0, worker.output
    assert "continuing after" in workers[0].output
    assert_equal_runs(run, finished_run)
