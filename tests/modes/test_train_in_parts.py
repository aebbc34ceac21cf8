"""Runs in float16 and parts, under XLA, out of memory, on two devices."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.run.folder import Run
from alexnet_tf.training.diagnosis import memory_advice
from alexnet_tf.training.trainer import Trainer
from configs import paper
from modes import inspect, train, training
from tests.training.run_contents import (
    assert_same_weights,
    newest_state,
    state_weights,
)

HALF = {
    "train.precision": "float16",
    "train.accumulate": 3,
    "train.epochs": 2,
}


@pytest.fixture(scope="module")
def half_run(tmp_path_factory, options_for):
    """A run in float16 and three parts. Read only."""
    run = tmp_path_factory.mktemp("half") / "run"
    assert train.main(options_for(run, **HALF)) == 0
    return run


@pytest.mark.slow
def test_a_run_in_float16_and_parts_learns(half_run):
    evaluation = json.loads((half_run / "evaluation.json").read_text())
    assert evaluation["top1_error"] == 0


@pytest.mark.skipif(
    bool(training.repetition_in_words("float16")),
    reason="oneDNN's products in float16 do not repeat on this processor",
)
@pytest.mark.slow
def test_a_continued_run_in_float16_and_parts_is_exact(
    tmp_path, options_for, half_run
):
    run = shutil.copytree(half_run, tmp_path / "run")
    shutil.rmtree(newest_state(run))  # as if killed before it was written
    assert train.main(options_for(run)) == 0
    assert sum("loss_scale" in name for name in state_weights(run)) == 2
    assert_same_weights(state_weights(run), state_weights(half_run))


@pytest.mark.slow
def test_parts_and_precision_may_change_in_a_run(
    tmp_path, options_for, half_run, monkeypatch
):
    tested = []
    original = training.evaluate_and_report

    def report(run, network, *arguments, **options):
        tested.append(network)
        return original(run, network, *arguments, **options)

    monkeypatch.setattr(training, "evaluate_and_report", report)
    run = tmp_path / "run"
    shutil.copytree(half_run, run)
    options = options_for(run)
    options.overrides = {
        "train.epochs": 3,
        "train.precision": "bfloat16",
        "train.accumulate": 4,
    }
    assert train.main(options) == 0
    # What --mode=evaluate and --mode=export will build.
    [network] = tested
    dtypes = {layer.compute_dtype for layer in network.layers}
    assert dtypes == {"float32"}


@pytest.mark.slow
def test_runs_from_before_these_options_continue(
    tmp_path, options_for, finished_run
):
    """Their config lacks the keys, and their state what float16 adds."""
    assert not any("loss_scale" in n for n in state_weights(finished_run))
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    config = json.loads((run / "config.json").read_text())
    for key in ("precision", "accumulate", "xla"):
        del config["train"][key]
    (run / "config.json").write_text(json.dumps(config))
    options = options_for(run)
    options.overrides = {"train.epochs": 4}
    assert train.main(options) == 0
    config = json.loads((run / "config.json").read_text())
    assert config["train"]["precision"] == "float32"


def test_xla_on_two_devices_is_refused(tmp_path, options_for, finished_run):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    before = (run / "config.json").read_text()
    options = options_for(run)
    options.overrides = {"train.xla": True}
    options.tower_devices = "CPU:1,CPU:2"
    with pytest.raises(UserError, match=r"one device: not with .*CPU:1, /CPU"):
        train.main(options)
    assert (run / "config.json").read_text() == before


@pytest.mark.slow
def test_parts_that_do_not_divide_a_small_set_are_refused(
    tmp_path, options_for
):
    """72 images make a batch of 144 impossible, and 16 parts of theirs."""
    changes = {"train.batch_size": 144, "train.accumulate": 16}
    with pytest.raises(UserError, match="accumulate=16 does not divide the 72"):
        train.main(options_for(tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists()


def test_inspect_tells_of_the_config_s_batch(tmp_path, options_for, capsys):
    changes = {"train.precision": "bfloat16", "train.accumulate": 4}
    options = options_for(tmp_path, **{**changes, "train.batch_size": 128})
    options.run = None
    options.tower_devices = "CPU:1,CPU:2"
    options.json = True
    assert inspect.main(options) == 0
    totals = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert totals["placement"]["batch_size"] == 128
    devices = totals["placement"]["devices"]
    assert devices["CPU:1"]["products"] == 4 * 35
    [images] = [
        way["bytes"]
        for way in totals["placement"]["traffic"]
        if (way["from"], way["to"]) == ("CPU:0", "CPU:2")
    ]
    # Bytes of the images, and for each part the mean image in float32.
    pixels = 224 * 224 * 3
    assert images == pytest.approx(128 * pixels + 4 * 4 * pixels, rel=0.001)


OOM = tf.errors.ResourceExhaustedError(
    None,
    None,
    "Graph execution error:\nOOM when allocating tensor with shape[12,55] and "
    "type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator "
    "GPU_0_bfc",
)


class Memory:
    """Ends in a training step.

    Attributes:
        steps_left: training steps until then.
    """

    def __init__(self, steps_left):
        self.steps_left = steps_left

    def take(self):
        self.steps_left -= 1
        if self.steps_left < 0:
            raise OOM


@pytest.fixture
def memory(monkeypatch):
    """A `Memory` of all trainers, at first without end."""
    memory = Memory(10**9)
    original = Trainer.make_train_function

    def make_train_function(self, force=False):
        original(self, force)
        step = self.train_function

        def limited(iterator):
            memory.take()
            return step(iterator)

        self.train_function = limited

    monkeypatch.setattr(Trainer, "make_train_function", make_train_function)
    return memory


def test_out_of_memory_is_one_line_of_advice(tmp_path, options_for, memory):
    memory.steps_left = 0
    with pytest.raises(UserError) as caught:
        train.main(options_for(tmp_path / "run"))
    message = str(caught.value)
    assert message.startswith(
        "out of memory (OOM when allocating tensor with shape[12,55] and type "
        "float on GPU:0): "
    )
    for advice in ("accumulate=2", "precision=bfloat16", "batch_size"):
        assert f"--config.train.{advice}" in message
    assert "kept" not in message
    assert not (tmp_path / "run").exists()


def test_out_of_memory_leaves_what_was_saved(
    tmp_path, options_for, memory, finished_run
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    memory.steps_left = 0
    longer = options_for(run)
    longer.overrides = {"train.epochs": 4}
    with pytest.raises(UserError, match=f"what {run} holds is kept"):
        train.main(longer)
    assert_same_weights(state_weights(run), state_weights(finished_run))


@pytest.mark.slow
def test_out_of_memory_loses_nothing_that_was_saved(
    tmp_path, options_for, memory, finished_run
):
    run = tmp_path / "run"
    memory.steps_left = 7  # in the second of three epochs
    with pytest.raises(UserError, match=f"what {run} holds is kept"):
        train.main(options_for(run))
    assert state_weights(run)
    memory.steps_left = 10**9
    options = options_for(run)
    options.overrides = {"train.accumulate": 2}
    assert train.main(options) == 0
    ours, theirs = state_weights(run), state_weights(finished_run)
    for name in ours:
        assert np.abs(ours[name] - theirs[name]).max() <= 1e-3, name


@pytest.mark.parametrize(
    ("changes", "present", "absent"),
    [
        ({"accumulate": 4}, "accumulate=8 computes", "image by image"),
        ({"batch_size": 15, "accumulate": 5}, "accumulate=15", "accumulate=10"),
        (
            {"batch_size": 7, "accumulate": 7, "precision": "bfloat16"},
            "image by image already",
            "precision",
        ),
    ],
)
def test_advice_fits_what_is_set(tmp_path, changes, present, absent):
    section = paper.get_config().train
    section.update(changes)
    with (
        pytest.raises(UserError, match=present) as caught,
        memory_advice(section, Run(tmp_path)),
    ):
        raise MemoryError
    assert absent not in str(caught.value)


def test_other_resources_keep_their_error(tmp_path):
    error = tf.errors.ResourceExhaustedError(None, None, "Too many open files")
    with (
        pytest.raises(tf.errors.ResourceExhaustedError, match="open files"),
        memory_advice(paper.get_config().train, Run(tmp_path)),
    ):
        raise error


@pytest.mark.slow
def test_what_tensorflow_says_itself_is_understood(tmp_path):
    """A tensor of 2^50 bytes, more than a process can address."""
    with (
        pytest.raises(UserError, match=r"out of memory \(OOM when allocating"),
        memory_advice(paper.get_config().train, Run(tmp_path)),
    ):
        tf.zeros([2**48])
