"""Starts the workers of one machine and watches them."""

import contextlib
import ctypes
import glob
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from alexnet_tf.errors import BAD_INPUT, START_AGAIN, UserError
from alexnet_tf.workers.cluster import VARIABLE, Cluster

SECONDS_TO_FOLLOW = 20  # after one has failed; TensorFlow needs about ten
SECONDS_TO_END = 10  # after SIGTERM, before SIGKILL
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
LAUNCHER = "ALEXNET_LAUNCHER"  # its process id


def launch(workers: int, command: list[str], how_to_go_on: str) -> int:
    """Runs a command in as many processes and returns an exit code.

    Worker 0 writes to this terminal; the others' errors appear with their
    number. Ctrl-C and SIGTERM are passed on. When one worker fails the others
    are given `SECONDS_TO_FOLLOW` to stop by themselves, then they are ended.
    They end too when this process does, however that happens. Where one ends
    with `START_AGAIN` all are started again.

    Args:
        workers: how many.
        command: list of strings.
        how_to_go_on: told where a worker was lost.

    Returns:
        0 when all ended well, otherwise the code of the worker that failed
        first; 1 where a signal killed it, 130 or 143 where that was the
        Ctrl-C or SIGTERM passed on.

    Raises:
        UserError: there are GPUs, but fewer than workers.
    """
    while True:
        code = run_once(workers, command, how_to_go_on)
        if code != START_AGAIN:
            return code
        print(f"all {workers} workers are started again", flush=True)


def run_once(workers: int, command: list[str], how_to_go_on: str) -> int:
    """`launch` with one start; `START_AGAIN` is one of its exit codes."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(workers))
    children = [
        start(command, Cluster(addresses, rank)) for rank in range(workers)
    ]
    readers = [
        threading.Thread(target=show_errors, args=pair, daemon=True)
        for pair in enumerate(children[1:], 1)
    ]
    for reader in readers:
        reader.start()
    with passing_signals_to(children) as passed_on:
        code = watch(children, passed_on, how_to_go_on)
    for reader in readers:
        reader.join(SECONDS_TO_END)  # their last lines
    return code


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def start(command: list[str], cluster: Cluster) -> subprocess.Popen[str]:
    """The process of one worker."""
    shown = cluster.rank == 0
    return subprocess.Popen(
        command,
        env={**os.environ, **environment(cluster)},
        stdout=None if shown else subprocess.DEVNULL,
        stderr=None if shown else subprocess.PIPE,
        text=True,
        # Ctrl-C comes here only, and is passed on once.
        start_new_session=True,
    )


def environment(cluster: Cluster) -> dict[str, str]:
    """Variables of one worker: its place, and its share of the machine."""
    workers = len(cluster.addresses)
    threads = max(1, (os.cpu_count() or 1) // workers)
    variables = {VARIABLE: cluster.to_json(), LAUNCHER: str(os.getpid())}
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        variables[name] = os.environ.get(name, str(threads))
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = (
        [str(i) for i in range(len(glob.glob("/dev/nvidia[0-9]*")))]
        if gpus is None
        else [gpu for gpu in gpus.split(",") if gpu]
    )
    if gpus:
        each = len(gpus) // workers
        if not each:
            raise UserError(
                f"--workers={workers} with {len(gpus)} GPUs: ask for as many "
                "workers as there are GPUs at most, or hide the GPUs with "
                "CUDA_VISIBLE_DEVICES="
            )
        own = gpus[cluster.rank * each : (cluster.rank + 1) * each]
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(own)
    return variables


def end_with_launcher() -> None:
    """Asks for a SIGTERM when the launcher of this process, if any, is gone."""
    launcher = os.environ.get(LAUNCHER)
    if not launcher:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(launcher):  # gone before the kernel was asked
        signal.raise_signal(signal.SIGTERM)


def show_errors(rank: int, child: subprocess.Popen[str]) -> None:
    """Copies a worker's error lines to this process's."""
    assert child.stderr is not None  # `start` pipes all but worker 0's
    with child.stderr as lines:
        for line in lines:
            print(f"worker {rank}: {line}", end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def passing_signals_to(
    children: list[subprocess.Popen[str]],
) -> Iterator[list[int]]:
    """Sends Ctrl-C and SIGTERM on to the children; the block gets a list of
    those that came."""
    passed_on = []

    def pass_on(number: int, frame: object) -> None:
        passed_on.append(number)
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, pass_on) for n in numbers}
    try:
        yield passed_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(
    children: list[subprocess.Popen[str]],
    passed_on: list[int],
    how_to_go_on: str,
) -> int:
    """Waits for all children; returns the launcher's exit code."""
    failed = None
    while any(child.poll() is None for child in children):
        failed = next(
            (rank for rank, c in enumerate(children) if c.poll()), None
        )
        if failed is not None:
            break
        time.sleep(0.1)
    if failed is None:
        codes = [child.returncode for child in children]
        failed = next((r for r, code in enumerate(codes) if code), None)
        if failed is None:
            return 0
    code = children[failed].returncode
    if -code in passed_on:
        code = 128 - code  # before it could answer the signal
    elif code == START_AGAIN and passed_on:
        code = 128 + passed_on[0]  # it found damage while it was to stop
    elif code not in (BAD_INPUT, START_AGAIN, 128 + signal.SIGINT):
        ended = (
            f"was killed by {signal.Signals(-code).name}"
            if code < 0
            else f"ended with exit code {code}"
        )
        print(
            f"main.py: worker {failed} {ended}: the others are stopped within "
            f"{SECONDS_TO_FOLLOW + SECONDS_TO_END} s; {how_to_go_on}",
            file=sys.stderr,
            flush=True,
        )
    end(children)
    return code if code > 0 else 1


def end(children: list[subprocess.Popen[str]]) -> None:
    """Waits for those that stop by themselves, ends the rest."""
    if _all_end(children, SECONDS_TO_FOLLOW):
        return
    for child in children:
        if child.poll() is None:
            child.terminate()
    if _all_end(children, SECONDS_TO_END):
        return
    for child in children:
        if child.poll() is None:
            child.kill()
    _all_end(children, SECONDS_TO_END)


def _all_end(children: list[subprocess.Popen[str]], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if all(child.poll() is not None for child in children):
            return True
        time.sleep(0.1)
    return False
