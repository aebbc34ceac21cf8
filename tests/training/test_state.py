"""What a state holds, and what happens where it cannot be written."""

import gc
import json
import shutil

import keras
import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_weights
from alexnet_tf.training.diagnosis import NotFinite
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.schedule import ByFormula, DropsByHand
from alexnet_tf.training.state import State
from alexnet_tf.training.trainer import Trainer
from configs import paper

WEIGHTS = 300 * 300  # 360 kB, and as much of velocities


def new_state(path, weights=0.0, units=300, lr=0.01):
    """A `State` of a dense layer, all of whose weights are equal."""
    image = keras.Input((300,))
    network = keras.Model(image, keras.layers.Dense(units)(image))
    network.set_weights(
        [np.full_like(w, weights) for w in network.get_weights()]
    )
    run = Run(path)
    run.best_weights.parent.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(network, PaperSGD(lr))
    drops = DropsByHand(0.1, ())
    return State(run=run, trainer=trainer, drops=drops, lr=lr)


def weight(state):
    """The value that all weights have."""
    [value] = {
        float(x)
        for w in state._trainer.network.get_weights()
        for x in np.unique(w)
    }
    return value


def save(state, weights, step):
    state.step = step
    network = state._trainer.network
    network.set_weights(
        [np.full_like(w, weights) for w in network.get_weights()]
    )
    state.save()


def restored(path, **changes):
    state = new_state(path, **changes)
    state.restore()
    return state


@pytest.fixture
def disk_fills_meanwhile(monkeypatch):
    """There seems to be room until it is used up."""
    usage = shutil.disk_usage("/")._replace(free=2**40)
    monkeypatch.setattr(
        "alexnet_tf.training.state.shutil.disk_usage", lambda path: usage
    )


@pytest.mark.parametrize("leaving", [0, 10_000, 500_000, 1_000_000])
def test_a_full_disk_is_one_line_and_the_state_before_stays(
    small_disk, capfd, leaving
):
    run = small_disk.path / "run"
    state = new_state(run)
    save(state, 1, step=1)
    small_disk.fill(leaving)
    with pytest.raises(UserError) as caught:
        save(state, 2, step=2)
    message = str(caught.value)
    assert "No space left on device" in message
    assert f"--mode=train --run={run}" in message
    assert "\n" not in message
    del caught
    gc.collect()
    # HDF5 would have told of its own failures here.
    assert capfd.readouterr().err == ""
    assert weight(restored(run)) == 1
    small_disk.clear()
    save(state, 2, step=2)
    assert weight(restored(run)) == 2
    assert sorted(f.name for f in run.glob("state/*")) == [
        "000-000001",
        "000-000002",
    ]


@pytest.mark.usefixtures("disk_fills_meanwhile")
@pytest.mark.parametrize("leaving", [200_000, 500_000, 700_000])
def test_a_disk_that_fills_while_it_is_written(small_disk, capfd, leaving):
    run = small_disk.path / "run"
    state = new_state(run)
    save(state, 1, step=1)
    small_disk.fill(leaving)
    with pytest.raises(UserError, match="No space left on device"):
        save(state, 2, step=2)
    gc.collect()
    assert capfd.readouterr().err == ""
    assert weight(restored(run)) == 1


def test_a_full_disk_leaves_the_best_weights_alone(small_disk, capfd):
    run = small_disk.path / "run"
    state = new_state(run, 1)
    state.save_best(0.5)
    before = state._run.best_weights.read_bytes()
    small_disk.fill(leaving=100_000)
    with pytest.raises(UserError, match="No space left on device"):
        state.save_best(0.4)
    gc.collect()
    assert capfd.readouterr().err == ""
    assert state._run.best_weights.read_bytes() == before
    assert len(list(run.glob("best/*"))) == 1


def test_a_folder_that_can_only_be_read_is_one_line(small_disk):
    run = small_disk.path / "run"
    state = new_state(run)
    save(state, 1, step=1)
    small_disk.set_writable(False)
    with pytest.raises(UserError, match="Read-only file system"):
        save(state, 2, step=2)
    with pytest.raises(UserError, match="Read-only file system"):
        state.save_best(0.5)
    assert weight(restored(run)) == 1
    small_disk.set_writable(True)
    save(state, 2, step=2)
    assert weight(restored(run)) == 2


def test_a_state_of_the_first_releases_is_refused_and_stays(tmp_path):
    state = new_state(tmp_path)
    save(state, 3, step=1)
    [folder] = (tmp_path / "state").iterdir()
    (folder / "checksums.json").unlink()
    for file in folder.iterdir():
        file.rename(tmp_path / "state" / file.name)
    folder.rmdir()
    before = sorted(f.name for f in (tmp_path / "state").iterdir())
    with pytest.raises(UserError, match=r"first releases.* name another --run"):
        restored(tmp_path)
    assert sorted(f.name for f in (tmp_path / "state").iterdir()) == before


def test_a_state_of_another_network_is_refused(tmp_path):
    run, other = tmp_path / "run", tmp_path / "other"
    save(new_state(run), 1, step=1)
    save(new_state(other, units=5), 1, step=2)
    shutil.copytree(other / "state", run / "state", dirs_exist_ok=True)
    with pytest.raises(UserError, match="does not hold the weights"):
        restored(run)


def test_the_learning_rate_changes_in_proportion(tmp_path):
    state = new_state(tmp_path, lr=0.01)
    state._trainer.optimizer.learning_rate = 0.001  # after a drop
    save(state, 0, step=1)
    for lr, expected in ((0.01, 0.001), (0.02, 0.002), (0.005, 0.0005)):
        optimizer = restored(tmp_path, lr=lr)._trainer.optimizer
        assert float(optimizer.learning_rate) == pytest.approx(expected)


def test_the_rate_in_use_is_said_and_the_one_asked_for_offered(tmp_path):
    state = new_state(tmp_path, lr=0.01)
    state._trainer.optimizer.learning_rate = 0.001  # after a drop
    save(state, 0, step=1)
    assert restored(tmp_path, lr=0.01).new_rate == ""
    line = restored(tmp_path, lr=0.005).new_rate
    assert line.startswith("learning rate 0.0005 now: train.lr=0.005 is ")
    offered = float(line.rpartition("--config.train.lr=")[2])
    optimizer = restored(tmp_path, lr=offered)._trainer.optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.005)


def test_a_rate_without_drops_is_said_as_it_is(tmp_path):
    save(new_state(tmp_path, lr=0.01), 0, step=1)
    assert restored(tmp_path, lr=0.005).new_rate == "learning rate 0.005 now"


def test_the_rate_of_a_formula_is_that_of_the_epoch_that_comes(tmp_path):
    schedule = paper.get_config().train.lr_schedule
    schedule.kind, schedule.factor, schedule.levels = "stepwise", 100.0, 3
    state = new_state(tmp_path, lr=0.01)
    save(state, 0, step=1)
    again = new_state(tmp_path, lr=0.005)
    again._drops = ByFormula(schedule, 0.005, 3)
    again.restore()
    assert again.new_rate == "learning rate 0.005 now"
    # The validation of this epoch was missing, and has been made.
    again.epoch = 1
    assert again.new_rate == "learning rate 0.0005 now"


def test_metrics_of_training_outlive_the_validation(tmp_path):
    state = new_state(tmp_path)
    loss = state._trainer.metrics[0]
    loss.update_state([0.1, 0.7])
    state.hold_metrics()
    loss.reset_state()
    loss.update_state([9.0])  # of the validation
    save(state, 0, step=5)
    again = restored(tmp_path)
    again.restore_metrics()
    assert float(again._trainer.metrics[0].result()) == pytest.approx(0.4)


def test_metrics_of_a_validation_are_not_those_of_the_next_epoch(tmp_path):
    state = new_state(tmp_path)
    loss = state._trainer.metrics[0]
    loss.update_state([9.0])  # of the validation
    state.end_epoch(0.5)
    between_epochs = restored(tmp_path)
    loss = between_epochs._trainer.metrics[0]
    between_epochs.restore_metrics()
    loss.update_state([0.1, 0.7])
    save(between_epochs, 0, step=2)
    again = restored(tmp_path)
    again.restore_metrics()
    assert float(again._trainer.metrics[0].result()) == pytest.approx(0.4)


def test_only_better_weights_replace_the_best(tmp_path):
    state = new_state(tmp_path, 1)
    errors = ((0.5, 1), (0.6, 1), (0.5, 1), (0.4, 4))
    for number, (error, expected) in enumerate(errors, 1):
        network = state._trainer.network
        network.set_weights(
            [np.full_like(w, number) for w in network.get_weights()]
        )
        state.save_best(error)
        best = new_state(tmp_path)
        load_weights(
            best._trainer.network, tmp_path / "best/network.weights.h5", None
        )
        assert weight(best) == expected


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_damaged_best_weights_are_refused(tmp_path, place):
    state = new_state(tmp_path, 1)
    state.save_best(0.5)
    file = tmp_path / "best/network.weights.h5"
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"best/network.weights.h5 is damaged"):
        load_weights(state._trainer.network, file, state._run)


def spoil(state, what):
    """Makes one number of many not finite."""
    trainer = state._trainer
    variable = {
        "bias": trainer.network.trainable_variables[1],
        "kernel": trainer.network.trainable_variables[0],
        "velocities": trainer.optimizer.velocities[0],
    }[what]
    values = variable.numpy()
    values.flat[7] = np.nan if what == "bias" else -np.inf
    variable.assign(values)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("kernel", "weights of dense.* are not finite"),
        ("bias", "weights of dense.* are not finite"),
        ("velocities", "velocities of the optimizer are not finite"),
    ],
)
def test_what_is_not_finite_is_never_saved_as_good(tmp_path, what, words):
    state = new_state(tmp_path, 1)
    state.save_best(0.5)
    save(state, 1, step=1)
    best = state._run.best_weights.read_bytes()
    spoil(state, what)
    state.step = 2
    for save_it in (
        state.save,
        lambda: state.save_best(0.4),
        lambda: state.end_epoch(0.4),
    ):
        with pytest.raises(NotFinite, match=words):
            save_it()
    assert state._run.best_weights.read_bytes() == best
    assert [p.name for p in (tmp_path / "state").iterdir()] == ["000-000001"]
    assert weight(restored(tmp_path)) == 1


def test_an_error_that_is_not_a_number_is_no_best(tmp_path):
    state = new_state(tmp_path, 1)
    state.save_best(float("nan"))
    assert not state._run.best_weights.exists()


def test_a_state_that_is_not_finite_is_not_gone_on_from(tmp_path, monkeypatch):
    """As earlier versions wrote them."""
    state = new_state(tmp_path, 1)
    monkeypatch.setattr(State, "_require_finite", lambda self: None)
    spoil(state, "bias")
    save_as_it_is = state.save
    save_as_it_is()
    monkeypatch.undo()
    with pytest.raises(UserError, match="remove it to go on from the state"):
        restored(tmp_path)


def test_state_json_has_the_place_and_the_rows(tmp_path):
    state = new_state(tmp_path)
    state.rows.append({"epoch": 1, "loss": 2.0})
    state.epoch = 1
    save(state, 0, step=7)
    [file] = tmp_path.glob("state/001-000007/state.json")
    content = json.loads(file.read_text())
    assert (content["epoch"], content["step"]) == (1, 7)
    assert content["rows"] == [{"epoch": 1, "loss": 2.0}]


def test_truncated_best_weights_are_refused(tmp_path):
    state = new_state(tmp_path, 1)
    state.save_best(0.5)
    file = tmp_path / "best/network.weights.h5"
    file.write_bytes(file.read_bytes()[:-100_000])
    with pytest.raises(UserError, match=r"best/network.weights.h5 does not"):
        load_weights(state._trainer.network, file, state._run)
