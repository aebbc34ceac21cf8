"""Runs killed with SIGKILL end like one that was not, bit for bit."""

import json
import random
import secrets
import subprocess
import sys

import pytest

from tests.training.run_contents import assert_same_run


class ForkedRuns:
    """The other end of `forked_runs`.

    Args:
        process: that runs it.
        options_for: see the fixture.
        folder: where the children's output goes.
    """

    def __init__(self, process, options_for, folder):
        self._process = process
        self._options_for = options_for
        self._folder = folder

    def train(self, run, config=None, **kill):
        """Trains in a child; returns the answer of `forked_runs`.

        Args:
            run: folder.
            config: that is given as a recipe, instead of the usual one.
            **kill: when the child dies.
        """
        options = self._options_for(run, **{"train.save_every_steps": 2})
        request = {
            "config": (config or options.config).to_dict(),
            "config_given": config is not None,
            "run": options.run,
            "data_dir": options.data_dir,
            "log": str(self._folder / f"{run.name}.log"),
            **kill,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def kill_and_finish(self, run, kills, config=None):
        """Kills a run at those moments, then lets it end.

        Returns:
            How many children were killed: a run may end before its moment.
        """
        killed = 0
        for kill in kills:
            answer = self.train(run, config, **kill)
            if not answer["killed"]:
                assert answer["code"] == 0, self.log(run)
                return killed
            killed += 1
        assert self.train(run, config)["code"] == 0, self.log(run)
        return killed

    def log(self, run):
        """What the children said."""
        return (self._folder / f"{run.name}.log").read_text()


@pytest.fixture(scope="module")
def forked_runs(options_for, tmp_path_factory):
    with subprocess.Popen(
        [sys.executable, "-m", "tests.modes.forked_runs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield ForkedRuns(process, options_for, tmp_path_factory.mktemp("logs"))
        process.stdin.close()


@pytest.mark.slow
def test_a_run_killed_three_times(tmp_path, forked_runs, finished_run):
    moments = random.Random(0)
    kills = [{"operation": moments.randint(20, 60)} for _ in range(3)]
    print(kills)
    assert forked_runs.kill_and_finish(tmp_path / "run", kills) == 3
    assert_same_run(tmp_path / "run", finished_run)


@pytest.mark.slow
def test_a_fine_tuned_run_killed(tmp_path, forked_runs, fine_tuned, caffe_run):
    config = fine_tuned.read_config()
    config.init.source = str(caffe_run)
    moments = random.Random(0)
    kills = [{"operation": moments.randint(15, 50)}]
    print(kills)
    run = tmp_path / "run"
    assert forked_runs.kill_and_finish(run, kills, config) == 1
    assert_same_run(run, fine_tuned.path)


@pytest.mark.slow
def test_runs_killed_fifty_times(tmp_path, forked_runs, finished_run):
    seed = secrets.randbelow(2**32)
    moments = random.Random(seed)
    print(f"seed {seed}")
    unkilled = forked_runs.train(tmp_path / "unkilled")
    assert unkilled["code"] == 0
    killed = number = 0
    while killed < 50:
        number += 1
        kills = [
            {"operation": moments.randint(1, unkilled["operations"])}
            if moments.random() < 0.5
            else {"seconds": moments.uniform(0, unkilled["seconds"])}
            for _ in range(min(6, 50 - killed))
        ]
        run = tmp_path / f"run-{number}"
        died = forked_runs.kill_and_finish(run, kills)
        print(run.name, kills[:died])
        assert_same_run(run, finished_run)
        killed += died
    print(f"{killed} kills, {number} runs")
