"""Versions that come and go, with models that are no more than a name."""

import os
import queue
import threading

import pytest

from alexnet_tf.errors import UserError
from export.server.http.routes import Route
from export.server.models.model_manager import ModelManager
from export.server.models.served_model import ServedModel
from export.server.models.versions import (
    ModelConfig,
    every,
    latest,
    specific,
    versions_on_disk,
)
from export.server.serving_error import ServingError


class Model:
    """Stands for a `LoadedModel`."""

    def __init__(self, path, name, number):
        self.number = number
        self.closed = False
        if (path / "broken").exists():
            raise ServingError("it is\nbroken", "DATA_LOSS")

    def close(self):
        assert not self.closed
        self.closed = True


@pytest.fixture
def base(tmp_path):
    """Base folder; `add` and `remove` take version numbers."""
    return Base(tmp_path / "m")


class Base:
    def __init__(self, path):
        self.path = path
        path.mkdir()

    def add(self, *numbers, broken=False):
        for number in numbers:
            (self.path / str(number)).mkdir()
            if broken:
                (self.path / str(number) / "broken").touch()

    def remove(self, number):
        for file in (self.path / str(number)).iterdir():
            file.unlink()
        (self.path / str(number)).rmdir()


@pytest.fixture
def serve(base):
    """Function that returns a `ServedModel` of the base folder."""

    def make(policy=None, labels=()):
        config = ModelConfig(
            "m", str(base.path), policy or latest(), dict(labels)
        )
        return ServedModel(config, Model)

    return make


def states(model):
    return [(number, state) for number, state, _ in model.status()]


def refresh(model):
    lines = []
    model.refresh(lines.append)
    return lines


def test_versions_are_folders_with_a_number_for_a_name(tmp_path):
    for name in ("1", "007", "v5", "6x", "-1", "1.5", "\u0663", ".unfinished"):
        (tmp_path / name).mkdir()
    (tmp_path / str(2**63)).mkdir()
    (tmp_path / "9").touch()
    assert versions_on_disk(tmp_path) == {
        1: tmp_path / "1",
        7: tmp_path / "007",
    }


def test_a_new_version_takes_over(base, serve):
    base.add(1)
    model = serve()
    [line] = refresh(model)
    assert line.startswith(f"m version 1 loaded from {base.path}/1 in ")
    assert refresh(model) == []
    base.add(2)
    with model.use() as old:
        assert old.number == 1
        assert len(refresh(model)) == 1
        # It is offered no more, but not taken from under a request.
        assert states(model) == [(2, "AVAILABLE"), (1, "UNLOADING")]
        assert not old.closed
        with model.use() as new:
            assert new.number == 2
        with pytest.raises(ServingError, match=r"Specific\(m, 1\)"):
            model.use(1).__enter__()
    assert refresh(model) == ["m version 1 unloaded"]
    assert old.closed
    assert states(model) == [(2, "AVAILABLE"), (1, "END")]


def test_states_while_loading(base):
    seen = []

    def load(path, name, number):
        seen.append(states(model))
        return Model(path, name, number)

    config = ModelConfig("m", str(base.path), every())
    model = ServedModel(config, load)
    base.add(1, 2)
    refresh(model)
    assert seen == [
        [(2, "LOADING"), (1, "START")],
        [(2, "AVAILABLE"), (1, "LOADING")],
    ]


def test_a_version_that_goes_while_it_loads_takes_no_place(base):
    def load(path, name, number):
        if number == 8:
            base.remove(8)
        return Model(path, name, number)

    model = ServedModel(ModelConfig("m", str(base.path)), load)
    base.add(2, 4)
    refresh(model)
    base.add(8)
    assert [line.split(" ")[3] for line in refresh(model)] == [
        *("loaded", "unloaded"),
    ]
    assert states(model) == [(8, "END"), (4, "AVAILABLE")]
    assert refresh(model) == []


def test_an_old_version_comes_back_at_once(base, serve):
    base.add(1)
    model = serve()
    refresh(model)
    base.add(2)
    refresh(model)
    assert states(model) == [(2, "AVAILABLE"), (1, "END")]
    base.remove(2)
    assert len(refresh(model)) == 2
    assert states(model) == [(2, "END"), (1, "AVAILABLE")]
    with model.use() as used:
        assert not used.closed


def test_a_broken_version_leaves_the_old_one(base, serve):
    base.add(1)
    model = serve()
    refresh(model)
    base.add(2, broken=True)
    [line] = refresh(model)
    assert line == (
        f"m version 2 failed to load from {base.path}/2: DATA_LOSS: it is "
        "broken"
    )
    [(_, state, error), *_] = model.status()
    assert (state, error.code, error.message) == (
        "END",
        "DATA_LOSS",
        "it is\nbroken",
    )
    assert states(model) == [(2, "END"), (1, "AVAILABLE")]
    # Not tried again, until it has been away.
    assert refresh(model) == []
    base.remove(2)
    assert refresh(model) == []
    assert states(model) == [(2, "END"), (1, "AVAILABLE")]
    base.add(2)
    assert len(refresh(model)) == 2
    assert states(model) == [(2, "AVAILABLE"), (1, "END")]


def test_the_newest_sound_version_is_served(base):
    base.add(1, 2)
    base.add(3, 10, broken=True)
    manager = ModelManager([ModelConfig("m", str(base.path))], Model)
    lines = []
    manager.load_all(lines.append)
    assert [line.split(" from ")[0] for line in lines] == [
        "m version 10 failed to load",
        "m version 3 failed to load",
        "m version 2 loaded",
        "m: version 2 answers; 10, 3 passed over, see above",
    ]
    assert manager.status(Route("status", "m"))[2][:2] == (2, "AVAILABLE")
    with manager.use(Route("predict", "m")) as model:
        assert model.number == 2


def test_broken_versions_do_not_count(base, serve):
    base.add(1, 2, 3)
    base.add(4, broken=True)
    model = serve(latest(2))
    assert len(refresh(model)) == 3
    assert states(model) == [
        (4, "END"),
        (3, "AVAILABLE"),
        (2, "AVAILABLE"),
    ]
    # With nothing sound left on the disk, what is loaded stays.
    for number in (1, 2, 3):
        base.remove(number)
    assert refresh(model) == []
    assert states(model)[1:] == [(3, "AVAILABLE"), (2, "AVAILABLE")]


def test_removed_versions_are_unloaded(base, serve):
    base.add(1, 2)
    model = serve(every())
    refresh(model)
    base.remove(1)
    assert refresh(model) == ["m version 1 unloaded"]
    base.remove(2)
    assert refresh(model) == ["m version 2 unloaded"]
    with pytest.raises(ServingError, match=r"Latest\(m\)") as caught:
        model.use().__enter__()
    assert caught.value.code == "NOT_FOUND"


def test_a_base_folder_out_of_reach_changes_nothing(base, serve):
    base.add(1)
    model = serve()
    refresh(model)
    hidden = base.path.with_name("hidden")
    os.rename(base.path, hidden)
    assert refresh(model) == [f"{base.path}: No such file or directory"]
    assert refresh(model) == []
    assert states(model) == [(1, "AVAILABLE")]
    os.rename(hidden, base.path)
    base.add(2)
    assert len(refresh(model)) == 2


def test_versions_and_labels(base, serve):
    base.add(1, 2, 3)
    model = serve(specific([1, 2]), {"stable": 1, "next": 3})
    refresh(model)
    for choice, number in (
        ({}, 2),
        ({"number": 1}, 1),
        ({"label": "stable"}, 1),
    ):
        with model.use(**choice) as lent:
            assert lent.number == number
    for choice, message in (
        ({"number": 3}, "Servable not found for request: Specific(m, 3)"),
        ({"label": "next"}, "Servable not found for request: Specific(m, 3)"),
        ({"label": "x"}, "Unrecognized servable version label: x"),
    ):
        with pytest.raises(ServingError) as caught:
            model.use(**choice).__enter__()
        assert caught.value.message == message
    assert [number for number, *_ in model.status(1)] == [1]
    with pytest.raises(ServingError, match="find version 3 of model m"):
        model.status(3)


def test_closing_spares_what_is_in_use(base, serve):
    base.add(1, 2)
    model = serve(every())
    refresh(model)
    with model.use(1) as used, model.use(2) as other:
        pass
    with model.use(1):
        assert not model.close()
        assert (used.closed, other.closed) == (False, True)
    assert model.close()
    assert used.closed


def test_the_manager_starts_only_with_something_to_serve(base):
    def manager():
        return ModelManager([ModelConfig("m", str(base.path))], Model)

    with pytest.raises(UserError, match=r"no version to serve; .*--mode="):
        manager().load_all(print)
    base.add(1, broken=True)
    with pytest.raises(UserError, match="m/1 cannot be loaded: DATA_LOSS"):
        manager().load_all(print)
    missing = ModelConfig("m", str(base.path / "missing"))
    with pytest.raises(UserError, match="No such file or directory"):
        ModelManager([missing], Model).load_all(print)


def test_the_manager_keeps_models_apart(tmp_path):
    bases = {name: Base(tmp_path / name) for name in ("m", "n")}
    bases["m"].add(1)
    bases["n"].add(5)
    configs = [ModelConfig(n, str(base.path)) for n, base in bases.items()]
    manager = ModelManager(configs, Model)
    manager.load_all(lambda line: None)
    for name, number in (("m", 1), ("n", 5)):
        with manager.use(Route("predict", name)) as model:
            assert model.number == number
    with pytest.raises(ServingError, match="versions of model x"):
        manager.status(Route("status", "x"))
    with pytest.raises(ServingError, match=r"Latest\(x\)"):
        manager.use(Route("predict", "x"))
    with pytest.raises(ServingError, match="version label: l"):
        manager.use(Route("predict", "x", label="l"))
    assert manager.stop(timeout=1)
    assert manager.stop(timeout=1)


def test_the_thread_survives_a_fault(base, capsys):
    lines = queue.Queue()
    faulty = threading.Event()

    def load(path, name, number):
        if number == 2:
            faulty.set()
            raise ZeroDivisionError("a bug")
        return Model(path, name, number)

    config = ModelConfig("m", str(base.path))
    manager = ModelManager([config], load)
    base.add(1)
    manager.load_all(lambda line: None)
    manager.start_polling(0.01, lines.put)
    base.add(2)
    assert faulty.wait(10)
    base.add(3)
    assert "version 3 loaded" in lines.get(timeout=10)
    assert manager.stop(timeout=10)
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err
