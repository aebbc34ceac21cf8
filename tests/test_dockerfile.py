"""The Dockerfile of training, without Docker."""

import fnmatch
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
INSTRUCTIONS = [
    line.split(maxsplit=1) for line in LINES if line and line[0] != "#"
]
IGNORED = [
    line.rstrip("/")
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line and line[0] != "#"
]


def values(name):
    return [value for instruction, value in INSTRUCTIONS if instruction == name]


def ignore(folder, names):
    """What .dockerignore leaves out of a folder, for `shutil.copytree`."""
    inner = pathlib.Path(folder).relative_to(ROOT)
    return {
        name
        for name in names
        for pattern in IGNORED
        if (
            fnmatch.fnmatch(name, pattern.removeprefix("**/"))
            if pattern.startswith("**/") or inner == pathlib.Path(".")
            else False
        )
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder that the COPY instructions fill."""
    image = tmp_path_factory.mktemp("image") / "alexnet"
    for sources in values("COPY"):
        source, target = sources.split()
        if source == ".":
            shutil.copytree(ROOT, image, ignore=ignore, dirs_exist_ok=True)
        else:
            image.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, image / target)
    return image


def test_the_base_has_the_tensorflow_that_is_required():
    [base] = values("FROM")
    image, _, tag = base.partition(":")
    assert image == "tensorflow/tensorflow"
    requirements = (ROOT / "requirements.txt").read_text()
    [(low, high)] = re.findall(
        r"tensorflow\[and-cuda\]>=([\d.]+),<([\d.]+)", requirements
    )
    version, low, high = (
        tuple(map(int, text.split("."))) for text in (tag, low, high)
    )
    assert low <= version < high


def test_it_does_not_run_as_root_and_its_runs_are_a_volume():
    [user] = values("USER")
    assert user == "10001:10001"
    [folder] = values("WORKDIR")
    assert values("VOLUME") == [f'["{folder}/runs"]']
    make_user = values("RUN")[-1]
    assert "--uid 10001" in make_user
    order = [instruction for instruction, _ in INSTRUCTIONS]
    # As root it could not give the folders away any more.
    assert order.index("USER") > len(order) - 1 - order[::-1].index("RUN")


def test_the_folders_are_made_as_the_image_is_built(built):
    *_, make_user = values("RUN")
    commands = [shlex.split(part) for part in make_user.split("&&")]
    assert [command[0] for command in commands] == ["useradd", "mkdir", "chown"]
    # useradd and chown need root; mkdir fails where COPY brought the folders.
    assert subprocess.run(commands[1], cwd=built, check=False).returncode == 0
    assert commands[2][2:] == commands[1][1:]


def test_what_is_copied_is_enough_for_the_entry_point(built):
    [entry], [flags] = values("ENTRYPOINT"), values("CMD")
    assert (entry, flags) == ('["python", "main.py"]', '["--mode=train"]')
    help_text = subprocess.run(
        [sys.executable, "main.py", "--mode=train", "--help"],
        cwd=built,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert help_text.returncode == 0, help_text.stderr
    for package in ("modes", "export", "alexnet_tf", "configs", "benchmarks"):
        assert (built / package).is_dir(), package


def test_nothing_that_git_ignores_is_copied(built):
    patterns = (ROOT / ".gitignore").read_text().split()
    assert {pattern.strip("/") for pattern in patterns} <= {
        pattern.removeprefix("**/") for pattern in IGNORED
    }
    assert (ROOT / "tests").is_dir()
    assert not (built / "tests").exists()
    assert not list(built.rglob("__pycache__"))
