"""Clients that all ask the local server at once, for a minute.

    python -m benchmarks.serve_load --export_dir=DIR [--clients=8]
        [--seconds=60] [--json] IMAGE ...

Each client sends one image a request, as soon as its last is answered. In a
second round the server is killed in the middle and started again on the same
port; after it all versions must be there and answer. Ends with 1 if a request
of the first round failed or the server grew by more than 5 %.
"""

import base64
import json
import pathlib
import signal
import sys
import threading
import time

import numpy as np
import requests

from benchmarks import command_line
from export.server.models.versions import versions_on_disk
from tests.contract.local_server import LocalServer

MOST_GROWTH = 1.05
WARM_SHARE = 0.2  # of the time, after which memory is taken as settled


class Client(threading.Thread):
    """Asks for one image after the other until it is told to stop.

    Attributes:
        latencies: seconds of every request that was answered.
        errors: what the others ended with.
    """

    def __init__(self, model_url, bodies, stop):
        super().__init__(daemon=True)
        self.latencies, self.errors = [], []
        self._url = f"{model_url}:predict"
        self._bodies = bodies
        self._stop_asking = stop

    def run(self):
        session = requests.Session()
        turn = 0
        while not self._stop_asking.is_set():
            body = self._bodies[turn % len(self._bodies)]
            turn += 1
            started = time.perf_counter()
            try:
                answer = session.post(self._url, data=body, timeout=60)
                valid = answer.json()["predictions"][0]["valid"]
                if answer.status_code != 200 or not valid:
                    raise ValueError(f"{answer.status_code} {answer.text}")
            except (requests.RequestException, ValueError, KeyError) as error:
                self.errors.append(repr(error)[:200])
                time.sleep(0.1)
            else:
                self.latencies.append(time.perf_counter() - started)


def resident_mb(process):
    """Memory that a process holds now."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    [line] = [x for x in status.splitlines() if x.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def model_url(server, export_dir):
    """The server calls a model what its folder is called."""
    return f"{server.url}/v1/models/{pathlib.Path(export_dir).resolve().name}"


def load(server, arguments, bodies):
    """(clients that have ended, [(second, MB of the server)])."""
    stop = threading.Event()
    url = model_url(server, arguments.export_dir)
    threads = [Client(url, bodies, stop) for _ in range(arguments.clients)]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    memory = []
    while (passed := time.monotonic() - started) < arguments.seconds:
        memory.append((passed, resident_mb(server.process)))
        time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    return threads, memory


def steady_round(arguments, bodies):
    """Latencies, errors and memory under load."""
    with LocalServer(f"--export_dir={arguments.export_dir}") as server:
        clients, memory = load(server, arguments, bodies)
    latencies = np.concatenate([client.latencies for client in clients])
    if not latencies.size:
        sys.exit(f"no request was answered: {clients[0].errors[:1]}")
    settled = [mb for t, mb in memory if t >= WARM_SHARE * arguments.seconds]
    half = len(settled) // 2
    return {
        "clients": arguments.clients,
        "seconds": arguments.seconds,
        "requests": len(latencies),
        "errors": [error for client in clients for error in client.errors],
        "images_per_second": len(latencies) / arguments.seconds,
        "p50_ms": 1000 * float(np.percentile(latencies, 50)),
        "p99_ms": 1000 * float(np.percentile(latencies, 99)),
        "memory_mb": max(settled),
        # The second half of the time against the first, once warm.
        "memory_growth": max(settled[half:]) / max(settled[:half]),
    }


def killed_round(arguments, bodies):
    """Kills the server under load, starts it again; what was lost?"""
    before = versions_on_disk(arguments.export_dir)
    with LocalServer(f"--export_dir={arguments.export_dir}") as server:
        stop = threading.Event()
        url = model_url(server, arguments.export_dir)
        clients = [Client(url, bodies, stop) for _ in range(arguments.clients)]
        for client in clients:
            client.start()
        time.sleep(arguments.seconds / 10)
        server.stop(signal.SIGKILL)
        port = server.url.rsplit(":", 1)[1]
        again = LocalServer(
            f"--export_dir={arguments.export_dir}", f"--port={port}"
        )
        with again:
            answered = sum(len(client.latencies) for client in clients)
            time.sleep(arguments.seconds / 10)
            stop.set()
            for client in clients:
                client.join()
            answered_after = (
                sum(len(client.latencies) for client in clients) - answered
            )
    return {
        "answered_after_restart": answered_after,
        "versions_lost": sorted(
            set(before) - set(versions_on_disk(arguments.export_dir))
        ),
    }


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--export_dir", default="exports/alexnet")
    parser.add_argument("--clients", type=command_line.count, default=8)
    parser.add_argument("--seconds", type=command_line.positive, default=60)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    arguments = parser.parse_args()
    bodies = [
        json.dumps({"instances": [{"b64": base64.b64encode(image).decode()}]})
        for image in command_line.contents(arguments.images)
    ]
    result = steady_round(arguments, bodies)
    print(
        f"{result['requests']} requests of {arguments.clients} clients in "
        f"{arguments.seconds:g} s, {len(result['errors'])} failed: "
        f"{result['images_per_second']:.1f} images/s, p50 "
        f"{result['p50_ms']:.0f} ms, p99 {result['p99_ms']:.0f} ms; "
        f"{result['memory_mb']:.0f} MB, second half "
        f"{result['memory_growth']:.3f} of the first"
    )
    result |= killed_round(arguments, bodies)
    print(
        f"killed and started again: {result['answered_after_restart']} "
        f"answers since, versions lost: {result['versions_lost'] or 'none'}"
    )
    command_line.tell(arguments, result)
    failed = (
        result["errors"]
        or result["memory_growth"] > MOST_GROWTH
        or result["versions_lost"]
        or not result["answered_after_restart"]
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    command_line.run(main)
