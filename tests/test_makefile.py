"""The Makefile's targets of the server, with a stand-in for Docker."""

import itertools
import os
import subprocess

import pytest
import yaml

from tests.compose_file import ROOT, SERVING, compose_service, flags_of

DOCKER = """\
#!/bin/sh
printf '%s\\n' "$@" END >> "$DOCKER_LOG"
[ "$1" != version ] || exit "$DAEMON"
"""


class Make:
    """Runs make with a `docker` that notes its arguments.

    Attributes:
        docker: the commands that it was called with, lists of arguments.
    """

    def __init__(self, folder):
        self.folder = folder
        self._log = folder / "docker.log"
        docker = folder / "bin" / "docker"
        docker.parent.mkdir()
        docker.write_text(DOCKER)
        docker.chmod(0o755)

    def __call__(self, *arguments, daemon=True):
        self._log.write_text("")
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "DOCKER_LOG": str(self._log),
            "DAEMON": "0" if daemon else "1",
        }
        process = subprocess.run(
            ["make", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        commands = self._log.read_text().split("END\n")
        self.docker = [c.splitlines() for c in commands if c]
        return process


@pytest.fixture
def make(tmp_path):
    return Make(tmp_path)


@pytest.fixture
def export_dir(tmp_path):
    """A folder, with a space in its name, that looks like an export."""
    version = tmp_path / "my exports" / "7"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    return version.parent


def test_serve_without_an_export_is_one_clear_line(make, tmp_path):
    (tmp_path / "empty" / ".unfinished-x").mkdir(parents=True)
    for folder in (tmp_path / "none", tmp_path / "empty"):
        process = make("serve", f"EXPORT_DIR={folder}")
        assert process.returncode == 2
        line, of_make = process.stderr.splitlines()
        assert line == (
            f"serve: there is no exported model in {folder}: run python "
            f"main.py --mode=export --export_dir={folder}"
        )
        assert of_make.startswith("make")
        assert make.docker == []


def test_serve_without_docker_names_the_alternative(make, export_dir):
    process = make("serve", f"EXPORT_DIR={export_dir}", daemon=False)
    assert process.returncode == 2
    line, _ = process.stderr.splitlines()
    assert line == (
        "serve: no Docker daemon answers; python main.py --mode=serve "
        f"--export_dir={export_dir} does without"
    )
    assert make.docker == [["version"]]


@pytest.mark.parametrize("value", ["1", "True", "yes"])
def test_serve_refuses_what_is_neither_true_nor_false(make, export_dir, value):
    process = make("serve", f"EXPORT_DIR={export_dir}", f"BATCHING={value}")
    assert process.returncode == 2
    line, _ = process.stderr.splitlines()
    assert line == f"serve: BATCHING={value}: give true or false"
    assert make.docker == []


@pytest.mark.parametrize("variables", [{}, {"BATCHING": "true"}])
def test_serve_runs_what_compose_runs(make, export_dir, variables):
    given = [f"{name}={value}" for name, value in variables.items()]
    process = make("serve", f"EXPORT_DIR={export_dir}", *given)
    assert process.returncode == 0, process.stderr
    version, remove, run = make.docker
    assert version == ["version"]
    assert remove == ["rm", "--force", "alexnet-serving"]
    service = compose_service(EXPORT_DIR=str(export_dir), **variables)
    at = run.index(service["image"])
    assert flags_of(run[at + 1 :]) == flags_of(service["command"])
    options = list(itertools.pairwise(run[:at]))
    assert options[0] == ("run", "--detach")
    assert ("--name", "alexnet-serving") in options
    assert ("--entrypoint", *service["entrypoint"]) in options
    assert {"--init", "--read-only"} <= set(run[:at])
    assert values(options, "--publish") == service["ports"]
    assert values(options, "--tmpfs") == service["tmpfs"]
    assert values(options, "--cap-drop") == service["cap_drop"]
    assert values(options, "--security-opt") == service["security_opt"]
    assert values(options, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    mounts = [
        dict(part.partition("=")[::2] for part in mount.split(","))
        for mount in values(options, "--mount")
    ]
    assert mounts == [
        {
            "type": "bind",
            "source": str((SERVING / mount["source"]).resolve()),
            "target": mount["target"],
            "readonly": "",
        }
        for mount in service["volumes"]
    ]
    assert "make verify-serving" in process.stdout


def values(options, name):
    return [value for option, value in options if option == name]


def test_serve_takes_a_relative_folder_another_image_and_options(
    make, export_dir
):
    make(
        "serve",
        f"EXPORT_DIR={os.path.relpath(export_dir, ROOT)}",
        "TFS_IMAGE=tensorflow/serving:2.21.0-gpu",
        "DOCKER_FLAGS=--gpus all",
    )
    [*_, run] = make.docker
    mount = f"type=bind,source={export_dir},target=/models/alexnet,readonly"
    assert mount in run
    at = run.index("tensorflow/serving:2.21.0-gpu")
    assert run[at - 2 : at] == ["--gpus", "all"]


def test_verify_waits_before_it_tests(make):
    process = make("-n", "verify-serving", "TFS_URL=http://there:1")
    assert process.returncode == 0, process.stderr
    wait, test = process.stdout.splitlines()[-2:]
    assert wait.endswith(
        '-m export.wait_until_available "http://there:1" alexnet --timeout 120'
    )
    assert test.startswith('TFS_URL="http://there:1" ')
    assert test.endswith("-m pytest tests/contract")


def test_stop_removes_the_container(make):
    assert make("stop-serving").returncode == 0
    assert make.docker == [["rm", "--force", "alexnet-serving"]]


def test_lint_is_what_runs_before_a_commit():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    [repository] = yaml.safe_load(text)["repos"]
    hooks = [hook["entry"].split() for hook in repository["hooks"]]
    process = subprocess.run(
        # Inside another make, as `make test` is, it would name its folder too.
        ["make", "--no-print-directory", "-n", "lint", "VENV=here"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    made = [
        [
            word.removeprefix("here/bin/")
            for word in line.removeprefix("here/bin/python -m ").split()
        ]
        for line in process.stdout.splitlines()[-len(hooks) :]
    ]
    # make names the folder, the environment and no logo; a hook gets files.
    told_apart = {".", "--pythonpath", "python", "--no-logo"}
    told_apart.add("--force-exclude")
    assert [set(words) - told_apart for words in made] == [
        set(words) - told_apart for words in hooks
    ]
