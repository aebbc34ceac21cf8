"""Uneven classes: stopped, resumed and with several workers, a run is one."""

import json
import os
import signal

import pytest

from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.progress import ProgressReport
from modes import train
from tests.training.run_contents import assert_same_run, history, newest_state
from tests.workers.comparison import assert_equal_runs

SETTINGS = {
    "data.name": "csv",
    "data.sampling": "balanced",
    "train.class_weights": "given",
    "train.class_weight_values": (("red", 2.0),),
    "train.monitor": "macro_f1",
    "train.epochs": 2,
    "train.lr_drop_epochs": (1,),
    # And what else a batch, a step and a state are to keep apart.
    "train.weight_average": 0.6,
    "train.label_smoothing": 0.1,
    "train.warmup_epochs": 1.5,
    "data.crop_scale": 0.4,
}


@pytest.fixture
def uneven(image_folder, tmp_path):
    """A list of 3 red, 13 green and 20 blue training images."""
    counts = {"red": 3, "green": 13, "blue": 20}
    rows = [
        f"{path},{name},{split}"
        for name, count in counts.items()
        for split in ("train", "val")
        for path in sorted((image_folder / split / name).iterdir())[:count]
    ]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["image,label,split", *rows]))
    return file


@pytest.fixture
def options(uneven, options_for, tmp_path):
    """Function of a run's name: `Options` that train on the list."""

    def make(name):
        found = options_for(tmp_path / name, **SETTINGS)
        found.data_dir = str(uneven)
        return found

    return make


@pytest.mark.slow
def test_a_resumed_run_is_one_run(options, tmp_path, monkeypatch, capsys):
    assert train.main(options("whole")) == 0
    said = capsys.readouterr().out
    assert "weights of the classes in the loss: 1 (blue) to 2 (red)" in said
    left = [2]

    def advance(self, *arguments):
        original(self, *arguments)
        if self.what == "epoch 2/2":
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGINT)

    original = ProgressReport.advance
    with monkeypatch.context() as patch:
        patch.setattr(ProgressReport, "advance", advance)
        assert train.main(options("resumed")) == 130
    assert "after 1 epoch and 2 steps" in capsys.readouterr().out
    assert train.main(options("resumed")) == 0
    assert_same_run(tmp_path / "resumed", tmp_path / "whole")

    run = Run(tmp_path / "whole")
    rows = history(run.path)
    state = json.loads((newest_state(run.path) / "state.json").read_text())
    assert state["best_error"] == 1 - max(
        float(row["val_macro_f1"]) for row in rows
    )


@pytest.mark.slow
def test_two_workers_are_one(uneven, options, arguments_for, start, tmp_path):
    assert train.main(options("whole")) == 0
    training = start(
        [
            *arguments_for(tmp_path / "workers", **SETTINGS),
            "--config.train.class_weight_values=(('red',2.0),)",
            "--config.train.lr_drop_epochs=(1,)",
            f"--data_dir={uneven}",
            "--workers=2",
        ]
    )
    assert training.wait() == 0, training.output
    assert_equal_runs(tmp_path / "workers", tmp_path / "whole")
