"""The page of a run that is watched, and what training writes for it."""

import asyncio
import http.client
import json
import shutil
import time

import numpy as np
import pytest
import tensorflow as tf
from aiohttp import web

from alexnet_tf.analysis.kernels import conv1_kernels, kernel_sheet
from alexnet_tf.files.atomic import write_text
from alexnet_tf.report.live.facts import run_facts
from alexnet_tf.report.live.server import watch_application
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from tests.training.run_contents import history, newest_state, weights


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the finished run that a test may change."""
    return Run(shutil.copytree(finished_run, tmp_path / "run"))


def test_a_finished_run(finished_run):
    facts = run_facts(Run(finished_run))
    assert facts["state"] == "finished"
    assert facts["plan"]["steps_per_epoch"] == 6
    assert facts["steps"][-1]["update"] == 18
    # Its epochs are too short for pictures after each.
    assert [row["epoch"] for row in facts["inside"]] == [0, 3]
    wanted = [float(row["val_loss"]) for row in history(finished_run)]
    assert [row["val_loss"] for row in facts["epochs"]] == wanted
    assert facts["alarm"] == []
    json.dumps(facts, allow_nan=False)


def test_a_run_of_another_process(run, monkeypatch):
    run.finished_file.unlink()
    later = time.time() + 1000
    monkeypatch.setattr("time.time", lambda: later)
    assert run_facts(run)["state"] == "silent"
    with open(run.steps_file, "a") as file:
        file.write(f"10,1,1.0,0.5,0.005,12,{later:.0f}\n")
    facts = run_facts(run)
    assert facts["state"] == "running"
    # 18 updates of 12 images are planned, 12 images a second.
    assert facts["seconds_left"] == pytest.approx(8)
    write_text(run.alarm_file, json.dumps(["flat loss: 2.3"]))
    assert run_facts(run)["alarm"] == ["flat loss: 2.3"]
    shutil.rmtree(run.watch_folder)
    run.history_file.write_text("half a")
    facts = run_facts(run)
    assert (facts["state"], facts["steps"], facts["epochs"]) == (
        "beginning",
        [],
        [],
    )


def test_what_an_epoch_looks_like(finished_run):
    """The last pictures are of the last weights, which are in the state."""
    saved = weights(newest_state(finished_run) / "trainer.weights.h5")
    last = [
        array
        for name, array in saved.items()
        if "/tower_conv2d/" in name and array.ndim == 4
    ]
    network = load_trained(Run(finished_run)).network
    conv1 = network.get_layer("conv1")
    assert len(conv1.kernels) == len(last) == 2
    for kernel, array in zip(conv1.kernels, last, strict=True):
        kernel.assign(array)
    for tower, kernels in enumerate(conv1_kernels(network)):
        sheets = [
            tf.io.decode_png(
                (finished_run / "watch" / f"000{n}-{tower}.png").read_bytes()
            ).numpy()
            for n in (0, 3)
        ]
        np.testing.assert_array_equal(sheets[1], kernel_sheet(kernels))
        assert np.any(sheets[0] != sheets[1])
    dead = json.loads((finished_run / "watch" / "0003.json").read_text())[
        "dead"
    ]
    assert list(dead) == [*(f"conv{n}" for n in range(1, 6)), "fc6", "fc7"]
    assert all(0 <= share < 1 for share in dead.values())


def test_tensorboard_gets_pictures_and_histograms(finished_run):
    [file] = (finished_run / "events" / "inside").iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(event.step)
    layers = [*(f"conv{n}" for n in range(1, 6)), "fc6", "fc7", "fc8"]
    wanted = {
        f"{kind}/{layer}"
        for kind in ("weights", "gradients", "activations")
        for layer in layers
    }
    assert found.keys() == wanted | {"conv1/tower_0", "conv1/tower_1"}
    assert set(map(tuple, found.values())) == {(0, 3)}


def test_the_server_answers_this_machine_alone(finished_run):
    answers = asyncio.run(ask(watch_application(Run(finished_run))))
    status, body = answers["/run.json", "127.0.0.1"]
    assert status == 200
    assert json.loads(body)["name"] == finished_run.name
    assert answers["/", "127.0.0.1"][1].startswith(b"<!doctype html>")
    assert answers["/epochs/0003-1.png", "127.0.0.1"][1][:4] == b"\x89PNG"
    for path in ("/epochs/0099-0.png", "/facts.py", "/epochs/..%2f..%2fx.png"):
        assert answers[path, "127.0.0.1"][0] == 404, path
    # A name that someone else's page lets lead to this machine.
    assert answers["/run.json", "evil.example"][0] == 403


async def ask(app):
    """{(path, host): (status, body)} of an application that runs meanwhile."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0]

    def get(path, host):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    wanted = [
        *(("/", "127.0.0.1"), ("/run.json", "127.0.0.1")),
        *(("/run.json", "evil.example"), ("/facts.py", "127.0.0.1")),
        *((f"/epochs/{n}.png", "127.0.0.1") for n in ("0003-1", "0099-0")),
        ("/epochs/..%2f..%2fx.png", "127.0.0.1"),
    ]
    answers = {key: await asyncio.to_thread(get, *key) for key in wanted}
    await runner.cleanup()
    return answers
