"""Several processes train what one would have."""

import os
import shutil
import signal
import time
import types

import numpy as np
import pytest

from alexnet_tf.data.damage import COLUMNS, read_damaged
from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError
from alexnet_tf.files.csv import write_csv
from alexnet_tf.run.folder import Run
from alexnet_tf.workers import launch
from alexnet_tf.workers.alone import Alone, AverageLogs, share
from modes import train
from modes.training import check_workers
from tests.training.run_contents import (
    evaluation,
    history,
    state_weights,
    weights,
)
from tests.workers.comparison import assert_equal_runs
from tests.workers.processes import all_ended

PINNED = ["--logical_cpus=2", "--tower_devices=CPU:0,CPU:1"]


def test_two_workers_are_one(tmp_path, arguments_for, start, finished_run):
    """With dropout and lighting on, and two tower devices in each worker."""
    run = tmp_path / "run"
    training = start([*arguments_for(run), "--workers=2", *PINNED])
    assert training.wait() == 0, training.output
    assert_equal_runs(run, finished_run)
    prefix = "/job:worker/replica:0/task:0"
    assert f"towers on {prefix}/CPU:0, {prefix}/CPU:1, 2 workers" in (
        training.output
    )
    # What worker 1 prints is not shown.
    assert training.output.count("epoch 3/3: loss") == 1
    assert "worker 1:" not in training.output


# Quick: test_launch.py kills workers, test_two_workers_are_one compares states.
@pytest.mark.slow
def test_a_killed_worker_stops_all_and_one_goes_on(
    tmp_path, arguments_for, options_for, start, finished_run
):
    run = tmp_path / "run"
    every = {"train.save_every_steps": 6}
    training = start([*arguments_for(run, **every), "--workers=2"])
    training.wait_for_state(run)
    workers = training.workers()
    os.kill(workers[1], signal.SIGKILL)
    limit = launch.SECONDS_TO_FOLLOW + launch.SECONDS_TO_END
    assert training.wait(limit) == 1
    assert all_ended(workers.values(), seconds=1)
    assert "main.py: worker 1 was killed by SIGKILL" in training.output
    assert f"--mode=train --run={run} --workers=2" in training.output
    assert "main.py: worker 0 stops, since another worker does" in (
        training.output
    )
    assert not (run / "evaluation.json").exists()
    assert train.main(options_for(run, **every)) == 0
    assert_equal_runs(run, finished_run)


@pytest.mark.slow
def test_two_workers_begin_with_a_trained_network_as_one_does(
    tmp_path, arguments_for, start, finished_run
):
    """With a frozen layer and one that learns faster."""
    begins = {"train.epochs": 1}
    how = [
        f"--init={finished_run}",
        "--config.train.frozen=('conv1',)",
        "--config.train.lr_multipliers=(('fc8',10.0),)",
    ]
    runs = [tmp_path / "alone", tmp_path / "together"]
    for run, workers in zip(runs, ([], ["--workers=2", *PINNED]), strict=True):
        training = start([*arguments_for(run, **begins), *how, *workers])
        assert training.wait() == 0, training.output
    assert_equal_runs(*reversed(runs))
    source = weights(Run(finished_run).best_weights)
    learned = weights(Run(runs[1]).best_weights)
    kept = {
        name.split("/vars/")[0].rpartition("/")[2]
        for name, array in learned.items()
        if np.array_equal(array, source[name])
    }
    assert {name for name in kept if "conv" in name or "dense" in name} == {
        "tower_conv2d"  # the first of them
    }


@pytest.mark.slow
def test_all_start_again_without_what_is_damaged(
    tmp_path, image_folder, arguments_for, start
):
    prepared, run = tmp_path / "prepared", tmp_path / "run"
    prepare(load_folder(image_folder), prepared, "jpeg")
    [shard] = prepared.glob("train-*")
    training = start(
        [
            *arguments_for(
                run,
                **{
                    "data.name": "prepared",
                    "data.cache_gb": 0.0,
                    "data.max_damaged": 0.5,
                    "train.save_every_steps": 3,
                    "train.epochs": 12,
                },
            ),
            f"--data_dir={prepared}",
            "--workers=2",
        ]
    )
    training.wait_for_state(run)
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0x10
    shard.write_bytes(content)
    assert training.wait() == 0, training.output
    assert training.output.count("all 2 workers are started again") == 1
    assert f"listed in {run / 'damaged.csv'}" in training.output
    [(split, damaged)] = read_damaged(run / "damaged.csv")
    assert split == "train"
    assert str(shard) in damaged.name
    assert [row["epoch"] for row in history(run)] == [
        str(n) for n in range(1, 13)
    ]
    assert (run / "evaluation.json").is_file()


class Recorded(Alone):
    """Worker `rank` of `size`, whose means are those of given others.

    Args:
        others: [(logs, weights)] of the other workers.
    """

    def __init__(self, rank, size, others=()):
        self.rank, self.size, self._others = rank, size, others

    def average_logs(self, logs, weights):
        everyone = [(logs, weights), *self._others]
        return {
            name: np.average(
                [each[name] for each, _ in everyone],
                weights=[weight[name] for _, weight in everyone],
            )
            for name in logs
        }


def test_every_validation_image_counts_once():
    """1000 over 3 workers, whose shares are not equal."""
    wrong = np.random.default_rng(0).random(1000) < 0.3
    shares = [wrong[rank::3] for rank in range(3)]
    assert [share(1000, rank, 3) for rank in range(3)] == [
        len(s) for s in shares
    ]
    others = [
        (
            {"loss": rank, "val_top1_error": shares[rank].mean()},
            {"loss": 1, "val_top1_error": len(shares[rank])},
        )
        for rank in (1, 2)
    ]
    callback = AverageLogs(Recorded(0, 3, others), lambda: 1000)
    logs = {"loss": 0.0, "val_top1_error": shares[0].mean()}
    callback.on_epoch_end(0, logs)
    assert logs["val_top1_error"] == pytest.approx(wrong.mean(), rel=1e-12)
    assert logs["loss"] == 1


def test_a_worker_without_validation_images_counts_nothing():
    """It has no logs of a validation, and averages as many as the others."""
    others = [({"loss": 1.0, "val_loss": 3.0}, {"loss": 1, "val_loss": 1})]
    callback = AverageLogs(Recorded(1, 2, others), lambda: 1)
    logs = {"loss": 2.0}
    callback.on_epoch_end(0, logs)
    assert logs == {"loss": 1.5, "val_loss": 3.0}
    logs = {"loss": 2.0, "val_loss": np.nan}
    callback.on_epoch_end(0, logs)
    assert logs == {"loss": 1.5, "val_loss": 3.0}


@pytest.mark.slow
def test_more_workers_than_validation_images(
    tmp_path, image_folder, arguments_for, options_for, start
):
    own_images = shutil.copytree(image_folder, tmp_path / "images")
    for split in ("train", "val"):
        shutil.rmtree(own_images / split / "green")
    for file in own_images.glob("val/*/*.png"):
        if file.name != "03.png":
            file.unlink()  # one of each class is left
    shorter = {"train.epochs": 1, "data.limit": 24}
    one, three = tmp_path / "one", tmp_path / "three"
    options = options_for(one, **shorter)
    options.data_dir = str(own_images)
    assert train.main(options) == 0
    training = start(
        [
            *arguments_for(three, **shorter),
            f"--data_dir={own_images}",
            "--workers=3",
        ]
    )
    assert training.wait() == 0, training.output
    assert_equal_runs(three, one)


def test_fewer_training_images_than_workers(options_for):
    with pytest.raises(UserError, match=r"1 training images cannot .* over 2"):
        TrainingBatches(
            types.SimpleNamespace(size=1),
            12,
            crop=224,
            seed=0,
            shuffle_buffer=10,
            workers=2,
        )


def test_a_batch_that_cannot_be_shared_is_refused(options_for):
    config = options_for("unused").config
    check_workers(config, Recorded(0, 3))
    with pytest.raises(UserError, match=r"batch_size=12 .* multiple of 5"):
        check_workers(config, Recorded(0, 5))


def test_workers_need_a_run_that_all_see(monkeypatch, options_for):
    monkeypatch.setenv(
        "TF_CONFIG", launch.Cluster(("127.0.0.1:1", "127.0.0.1:2"), 0).to_json()
    )
    options = options_for("unused")
    options.run = None
    with pytest.raises(UserError, match="several workers need --run=DIR"):
        train.main(options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
def test_a_signal_to_the_launcher_saves_and_two_go_on_bit_for_bit(
    tmp_path, arguments_for, start, number, code
):
    whole, run = tmp_path / "whole", tmp_path / "run"
    training = start([*arguments_for(whole), "--workers=2"])
    assert training.wait() == 0, training.output
    arguments = [
        *arguments_for(run, **{"train.save_every_steps": 1}),
        "--workers=2",
    ]
    training = start(arguments)
    training.wait_for_state(run, count=2)
    workers = training.workers()
    training.process.send_signal(number)
    assert training.wait(60) == code, training.output
    assert all_ended(workers.values(), seconds=1)
    assert f"stopped by {number.name} after " in training.output
    assert "does not answer" not in training.output
    assert not (run / "evaluation.json").exists()
    training = start(arguments)
    assert training.wait() == 0, training.output
    assert "continuing after" in training.output
    for name, values in state_weights(run).items():
        np.testing.assert_array_equal(values, state_weights(whole)[name])


@pytest.mark.slow
def test_three_workers_with_shares_that_are_not_equal(
    tmp_path, image_folder, arguments_for, options_for, start
):
    own_images = shutil.copytree(image_folder, tmp_path / "images")
    for file in ("blue/00.png", "red/03.png"):
        (own_images / "val" / file).unlink()  # 16 are left
    one, three = tmp_path / "one", tmp_path / "three"
    options = options_for(one)
    options.data_dir = str(own_images)
    assert train.main(options) == 0
    training = start(
        [*arguments_for(three), f"--data_dir={own_images}", "--workers=3"]
    )
    assert training.wait() == 0, training.output
    assert_equal_runs(three, one)


@pytest.mark.slow
def test_a_run_goes_on_with_two_workers(
    tmp_path, arguments_for, options_for, start, finished_run
):
    run = tmp_path / "run"
    assert train.main(options_for(run, **{"train.epochs": 1})) == 0
    training = start([*arguments_for(run), "--workers=2"])
    assert training.wait() == 0, training.output
    assert "continuing after 1 epoch and 0 steps" in training.output
    assert_equal_runs(run, finished_run)


@pytest.mark.slow
def test_two_workers_leave_out_what_one_does(
    tmp_path, image_folder, arguments_for, options_for, start
):
    prepared = tmp_path / "prepared"
    prepare(load_folder(image_folder), prepared, "jpeg")
    changes = {"data.name": "prepared", "data.max_damaged": 0.5}
    one, two = tmp_path / "one", tmp_path / "two"
    options = options_for(one, **changes, **{"train.epochs": 1})
    options.data_dir = str(prepared)
    assert train.main(options) == 0
    lost = [("train", 7), ("train", 30), ("validation", 4)]
    rows = [(split, n, f"record {n}", "gone", None) for split, n in lost]
    write_csv(one / "damaged.csv", COLUMNS, rows)
    shutil.copytree(one, two)
    options.overrides = {"train.epochs": 3}
    options.config.train.epochs = 3
    assert train.main(options) == 0
    training = start(
        [
            *arguments_for(two, **changes),
            f"--data_dir={prepared}",
            "--workers=2",
        ]
    )
    assert training.wait() == 0, training.output
    assert_equal_runs(two, one)
    assert evaluation(two)["samples"] == 17


@pytest.mark.slow
def test_workers_of_a_killed_launcher_save_and_end(
    tmp_path, arguments_for, options_for, start, finished_run
):
    run = tmp_path / "run"
    every = {"train.save_every_steps": 1}
    training = start([*arguments_for(run, **every), "--workers=2"])
    training.wait_for_state(run)
    workers = training.workers()
    training.process.kill()
    assert all_ended(workers.values(), seconds=30)
    assert "stopped by SIGTERM after " in training.output
    assert train.main(options_for(run, **every)) == 0
    for name, values in state_weights(run).items():
        np.testing.assert_allclose(
            values, state_weights(finished_run)[name], rtol=0, atol=1e-6
        )


@pytest.mark.slow
def test_a_frozen_worker_stops_the_others(tmp_path, arguments_for, start):
    run = tmp_path / "run"
    training = start(
        [
            *arguments_for(run, **{"train.save_every_steps": 1}),
            "--workers=2",
            "--config.train.epochs=1000",
        ]
    )
    training.wait_for_state(run)
    workers = training.workers()
    os.kill(workers[1], signal.SIGSTOP)
    begin = time.monotonic()
    # The others, then 20 s for the frozen one, which only SIGKILL ends.
    assert training.wait(60) == 1, training.output
    print(f"{time.monotonic() - begin:.0f} s")
    assert all_ended(workers.values(), seconds=1)
    assert "worker 0 stops, since another worker does not answer" in (
        training.output
    )


@pytest.mark.slow
@pytest.mark.parametrize("what", ["loss", "gradients"])
def test_numbers_that_are_not_finite_name_the_worker(
    tmp_path, arguments_for, start, what
):
    run = tmp_path / "run"
    training = start(
        [*arguments_for(run), "--workers=2", *PINNED],
        program=["-m", "tests.workers.not_finite"],
        environment={"NOT_FINITE": what},
    )
    assert training.wait() == 1, training.output
    lines = [
        line
        for line in training.output.splitlines()
        if "not finite on worker 1 in epoch 1, step 4" in line
    ]
    assert len(lines) == 2, training.output  # of both


@pytest.mark.slow
def test_workers_with_other_values_are_refused(tmp_path, arguments_for, start):
    run = tmp_path / "run"
    addresses = tuple(f"127.0.0.1:{p}" for p in launch.free_ports(2))
    trainings = [
        start(
            [*arguments_for(run), f"--config.train.lr={lr}"],
            environment={
                "TF_CONFIG": launch.Cluster(addresses, rank).to_json()
            },
        )
        for rank, lr in enumerate((0.01, 0.02))
    ]
    assert [t.wait() for t in trainings] == [2, 2]
    for process in trainings:
        assert (
            f"worker 1 ({addresses[1]}) has another config or data than "
            "worker 0"
        ) in process.output
    assert not run.exists()


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all_with_everything_saved(
    tmp_path, arguments_for, start
):
    run = tmp_path / "run"
    training = start(
        [
            *arguments_for(run, **{"train.save_every_steps": 1}),
            "--workers=2",
            "--config.train.epochs=1000",
        ]
    )
    training.wait_for_state(run, count=2)
    workers = training.workers()
    os.kill(workers[1], signal.SIGTERM)
    assert training.wait(60) == 0, training.output
    assert all_ended(workers.values(), seconds=1)
    assert "all of it saved" in training.output
    assert "does not answer" not in training.output
