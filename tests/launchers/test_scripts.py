"""What cluster managers run, with everything around it faked."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
LAUNCHERS = ROOT / "launchers"

# `python`: main.py writes down how it was called and does what it is told.
PYTHON = """#!/bin/sh
[ "$1" = main.py ] || exec {python} "$@"
echo "$TF_CONFIG" > "{folder}/config.$$"
echo "$@" >> "{folder}/called"
exec {python} "{folder}/main.py" "$@"
"""
# A step of two nodes with a task each, one after the other.
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
worst=0
for SLURM_PROCID in 0 1; do
  export SLURM_PROCID SLURM_STEP_NODELIST='n[1-2]'
  export SLURM_STEP_TASKS_PER_NODE='1(x2)'
  "$@"; code=$?; ((code > worst)) && worst=$code
done
exit $worst
"""
SCONTROL = """#!/bin/sh
echo "$@" >> "{folder}/scontrol"
[ "$1" = show ] && printf 'n1\\nn2\\n'
exit 0
"""


class Commands:
    """Fake commands, and what was done with them.

    Args:
        folder: where all of it is.
    """

    def __init__(self, folder):
        self.folder = folder
        for name, text in (
            ("python", PYTHON),
            ("srun", SRUN),
            ("scontrol", SCONTROL),
        ):
            file = folder / "bin" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(
                text.replace("{python}", sys.executable).replace(
                    "{folder}", str(folder)
                )
            )
            file.chmod(0o755)
        self.set_main("")

    def set_main(self, text):
        """What main.py does, in Python."""
        (self.folder / "main.py").write_text(text)

    def start(self, command, variables):
        """The process of a command that finds the fakes."""
        return subprocess.Popen(
            command,
            env={
                **os.environ,
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                **variables,
            },
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command, variables):
        """(exit code, output)."""
        process = self.start(command, variables)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    @property
    def configs(self):
        """The TF_CONFIGs of the calls of main.py, by rank."""
        configs = [
            json.loads(file.read_text())
            for file in self.folder.glob("config.*")
        ]
        return sorted(configs, key=lambda c: c["task"]["index"])

    @property
    def called(self):
        """The arguments of each call of main.py."""
        return (self.folder / "called").read_text().splitlines()


@pytest.fixture
def commands(tmp_path):
    return Commands(tmp_path)


@pytest.fixture
def run(tmp_path):
    """Folder of a finished run."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "finished.json").touch()
    return folder


@pytest.fixture(scope="module")
def manifest():
    """(service, job) of kubernetes.yaml."""
    text = (LAUNCHERS / "kubernetes.yaml").read_text()
    return list(yaml.safe_load_all(text))


def pod_variables(manifest):
    [container] = manifest[1]["spec"]["template"]["spec"]["containers"]
    return container, {v["name"]: v["value"] for v in container["env"]}


def test_the_names_and_numbers_of_the_manifest_agree(manifest):
    service, job = manifest
    spec = job["spec"]
    container, variables = pod_variables(manifest)
    assert spec["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    assert variables["SERVICE_NAME"] == service["metadata"]["name"]
    assert variables["JOB_NAME"] == job["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert (
        spec["completions"] == spec["parallelism"] == int(variables["WORKERS"])
    )
    [port] = container["ports"]
    [service_port] = service["spec"]["ports"]
    assert (
        str(port["containerPort"])
        == variables["WORKER_PORT"]
        == str(service_port["port"])
    )


def test_the_command_of_a_pod(manifest, commands, run):
    container, variables = pod_variables(manifest)
    command = [*container["command"][:2], str(run), *container["args"]]
    for rank in "01":
        code, output = commands.run(
            command, {**variables, "JOB_COMPLETION_INDEX": rank}
        )
        assert code == 0, output
    assert [c["task"]["index"] for c in commands.configs] == [0, 1]
    for config in commands.configs:
        assert config["cluster"]["worker"] == [
            "alexnet-0.alexnet-workers:2222",
            "alexnet-1.alexnet-workers:2222",
        ]
    assert commands.called == 2 * [
        f"main.py --mode=train --run={run} {' '.join(container['args'])}"
    ]


def test_the_manifest_is_what_kubernetes_knows(manifest, tmp_path):
    """kubectl drops unknown fields and refuses values of the wrong type."""
    for number, part in enumerate(manifest):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(part))
        try:
            result = subprocess.run(
                [
                    "kubectl",
                    "label",
                    "--local",
                    "-f",
                    file,
                    "a=b",
                    "-o",
                    "json",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            pytest.skip(f"the manifest is not checked: {error}")
        assert result.returncode == 0, result.stderr
        assert_contains(json.loads(result.stdout), part)


def assert_contains(whole, part):
    """That nested dicts and lists hold all of another."""
    if isinstance(part, dict):
        for key, value in part.items():
            assert key in whole
            assert_contains(whole[key], value)
    elif isinstance(part, list):
        assert len(whole) == len(part)
        for ours, theirs in zip(whole, part, strict=True):
            assert_contains(ours, theirs)
    else:
        assert str(whole) == str(part)


def kubernetes(commands, run):
    variables = {
        "JOB_NAME": "j",
        "SERVICE_NAME": "s",
        "WORKERS": "1",
        "WORKER_PORT": "2222",
        "JOB_COMPLETION_INDEX": "0",
    }
    return [LAUNCHERS / "worker.sh", "kubernetes", run], variables


@pytest.mark.parametrize("code", [1, 2, 75, 130])
def test_the_exit_code_is_that_of_the_program(commands, run, code):
    commands.set_main(f"raise SystemExit({code})")
    assert commands.run(*kubernetes(commands, run))[0] == code


def test_a_killed_program_is_not_waited_for(commands, run):
    commands.set_main("import os; os.kill(os.getpid(), 9)")
    assert commands.run(*kubernetes(commands, run))[0] == 137


def test_stopped_before_its_end_is_not_a_success(commands, run):
    (run / "finished.json").unlink()
    code, output = commands.run(*kubernetes(commands, run))
    assert code == 75
    assert "stopped before its end" in output


def test_sigterm_reaches_the_program_which_may_take_its_time(commands, run):
    commands.set_main(
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    time.sleep(1)\n"
        "    print('saved')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    process = commands.start(*kubernetes(commands, run))
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "saved" in output


def test_variables_that_are_missing_are_named(commands, run):
    code, output = commands.run(
        [LAUNCHERS / "worker.sh", "kubernetes", run], {"JOB_NAME": "j"}
    )
    assert code == 1
    assert "is not set" in output


def slurm(run, **variables):
    return (
        ["bash", LAUNCHERS / "slurm.sbatch", run, "--config.train.lr=0.02"],
        {"SLURM_JOB_ID": "7", **variables},
    )


def test_a_slurm_job(commands, run):
    code, output = commands.run(*slurm(run))
    assert code == 0, output
    assert [c["task"]["index"] for c in commands.configs] == [0, 1]
    for config in commands.configs:
        assert config["cluster"]["worker"] == ["n1:20224", "n2:20224"]
    assert commands.called == 2 * [
        f"main.py --mode=train --run={run} --config.train.lr=0.02"
    ]


def test_a_slurm_job_that_stopped_is_queued_again(commands, run):
    (run / "finished.json").unlink()
    code, output = commands.run(*slurm(run))
    assert code == 0
    assert "queued again" in output
    asked = (commands.folder / "scontrol").read_text()
    assert asked.splitlines()[-1] == "requeue 7"


@pytest.mark.parametrize(
    ("program", "variables"),
    [
        ("raise SystemExit(2)", {}),
        ("raise SystemExit(1)", {"SLURM_RESTART_COUNT": "20"}),
    ],
)
def test_one_that_cannot_succeed_is_not(commands, run, program, variables):
    commands.set_main(program)
    code, _ = commands.run(*slurm(run, **variables))
    assert code == int(program[-2])
    assert "requeue" not in (commands.folder / "scontrol").read_text()
