"""The page of a run that is watched, and what training writes for it."""

import asyncio
import http.client
import json
import shutil
import subprocess
import sys
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
    absent = ("/epochs/0099-0.png", "/facts.py", "/epochs/..%2f..%2fx.png")
    paths = ("/", "/run.json", "/epochs/0003-1.png", *absent)
    host = "127.0.0.1:8501"
    # The other is a name that someone else's page lets lead to this machine.
    wanted = [*((p, host) for p in paths), ("/run.json", "evil.example:8501")]
    answers = asyncio.run(ask(watch_application(Run(finished_run)), wanted))
    status, body = answers["/run.json", host]
    assert status == 200
    assert json.loads(body)["name"] == finished_run.name
    assert answers["/", host][1].startswith(b"<!doctype html>")
    assert answers["/epochs/0003-1.png", host][1][:4] == b"\x89PNG"
    for path in absent:
        assert answers[path, host][0] == 404, path
    assert answers["/run.json", "evil.example:8501"][0] == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),  # as of port 80
        ("localhost:9000", 200),  # as behind a tunnel
        ("LocalHost.", 200),
        ("", 403),
        ("evil.example:80", 403),
        ("localhost.evil.example", 403),
        ("evil.example:localhost", 403),
    ],
)
def test_names_of_this_machine(finished_run, host, status):
    app = watch_application(Run(finished_run))
    answers = asyncio.run(ask(app, [("/run.json", host)]))
    assert answers["/run.json", host][0] == status


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan.json", "[1]"),
        ("plan.json", '{"epochs": 3, "steps_per_epoch": "6"}'),
        ("plan.json", '{"epochs": 1, "steps_per_epoch": 1e999}'),
        ("plan.json", "[" * 100_000),
        ("alarm.json", "5"),
        ("alarm.json", "[5]"),
        ("0003.json", '["dead"]'),
        ("0003.json", '{"epoch": 3, "dead": {"conv1": NaN}}'),
    ],
)
def test_other_json_than_a_run_writes_is_told(run, name, content):
    whole = run_facts(run)
    (run.watch_folder / name).write_text(content)
    facts = run_facts(run)
    assert facts["damaged"] == [name]
    json.dumps(facts, allow_nan=False)
    for key in ("state", "steps", "epochs", "alarm"):
        assert facts[key] == whole[key]


def test_a_loss_that_is_no_number_leaves_the_rest(run):
    whole = run_facts(run)
    with open(run.steps_file, "a") as file:
        file.write("19,4,nan,0.5,0.005,12,1e9\n")
    facts = run_facts(run)
    json.dumps(facts, allow_nan=False)
    assert facts["steps"] == whole["steps"]


@pytest.fixture
def watched_page(run, browser):
    """(the browser at the page of `run`, the process that serves it)."""
    command = [sys.executable, "-m", "alexnet_tf.report.live"]
    with subprocess.Popen(
        [*command, str(run.path), "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        browser.get(process.stdout.readline().split()[-1])
        yield browser, process
        process.terminate()


def told(browser, place, words):
    """Waits until an element of the page has these words."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 30).until(
        lambda driver: words in driver.find_element("id", place).text
    )


@pytest.mark.slow
def test_what_the_page_says_of_the_run(run, watched_page):
    browser, process = watched_page
    told(browser, "state", "This run is finished.")
    run.plan_file.write_text("[1]")
    told(browser, "alarm", "watch/plan.json is damaged")
    run.path.rename(run.path.with_name("moved"))
    told(browser, "state", "its folder was moved or removed")
    browser.execute_script(
        "const own = fetch; window.fetch = async () => {"
        " window.fetch = own; return new Response('x', {status: 500}); }"
    )
    told(browser, "state", "cannot be shown (HTTP 500)")
    told(browser, "state", "its folder was moved or removed")
    process.terminate()
    told(browser, "state", "Nobody answers")


def test_every_line_of_a_chart_is_seen(run, watched_page):
    layers = [*(f"conv{n}" for n in range(1, 7)), "fc6", "fc7", "bottleneck"]
    for epoch in (0, 3):
        dead = {layer: n / 20 for n, layer in enumerate([*layers, "fc8"])}
        values = json.dumps({"epoch": epoch, "dead": dead})
        (run.watch_folder / f"{epoch:04}.json").write_text(values)
    browser, _ = watched_page
    told(browser, "epochs", "bottleneck")
    lines = browser.execute_script(
        "return [...document.querySelectorAll('#epochs figure:last-child "
        "polyline')].map(getComputedStyle)"
        ".map((s) => [s.stroke, s.strokeDasharray])"
    )
    assert len(lines) == 10
    assert len(set(map(tuple, lines))) == 10
    assert "none" not in [stroke for stroke, _ in lines]


@pytest.mark.slow
def test_no_number_of_an_axis_is_cut_off(run, watched_page):
    with open(run.steps_file, "a") as file:
        file.write(f"10410,6,1.0,0.5,0.005,12,{time.time():.0f}\n")
    browser, _ = watched_page
    told(browser, "steps", "10000")
    beyond, reach = browser.execute_script(
        "const charts = [...document.querySelectorAll('#steps svg')];"
        "const texts = charts.flatMap((c) => [...c.querySelectorAll('text')]);"
        "const xs = (c) => [...c.querySelector('polyline').points].map("
        "(p) => p.x);"
        "const last = (c) => Math.max(...xs(c)) / c.viewBox.baseVal.width;"
        "return [texts.filter((t) => { const box = t.getBBox();"
        " const all = t.ownerSVGElement.viewBox.baseVal;"
        " return box.x < 0 || box.x + box.width > all.width; })"
        ".map((t) => t.textContent), Math.min(...charts.map(last))]"
    )
    assert beyond == []
    assert reach > 0.95  # 10,410 updates fill the width, not two thirds


async def ask(app, wanted):
    """{(path, host): (status, body)} of an application that runs meanwhile."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0]

    def get(path, host):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    answers = {key: await asyncio.to_thread(get, *key) for key in wanted}
    await runner.cleanup()
    return answers
