"""What the README and the messages say to install can be installed."""

import pathlib
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = pathlib.Path(__file__).parent.parent
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())[
    "dependency-groups"
]
README = (ROOT / "README.md").read_text()


def text_files():
    """Those of the project that may tell somebody what to install."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    ).stdout.splitlines()
    files = map(ROOT.joinpath, names) if names else ROOT.rglob("*")
    return [
        file
        for file in files
        if file.suffix in (".py", ".md", ".yaml", ".toml", "")
        and file.is_file()
        and not {".venv", ".git"} & set(file.relative_to(ROOT).parts)
    ]


def requirements(file):
    """The lines of a requirements file, parsed."""
    lines = (ROOT / file).read_text().splitlines()
    lines = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line]


def test_both_requirement_files_differ_in_tensorflow_alone():
    gpu = set(map(str, requirements("requirements.txt")))
    cpu = set(map(str, requirements("requirements-cpu.txt")))
    assert {Requirement(line).name for line in gpu - cpu} == {"tensorflow"}
    assert {Requirement(line).name for line in cpu - gpu} == {"tensorflow-cpu"}
    [with_gpu] = map(Requirement, gpu - cpu)
    [without] = map(Requirement, cpu - gpu)
    assert with_gpu.specifier == without.specifier
    assert with_gpu.extras == {"and-cuda"}


def test_the_readme_shows_one_line_for_each_group():
    shown = re.findall(r"^pip install --group ([\w-]+) +#", README, re.M)
    assert sorted(shown) == sorted(GROUPS)


def test_whatever_is_said_to_be_installed_exists():
    """In messages, comments and documents: groups and requirement files."""
    groups, files = set(), set()
    for file in text_files():
        text = file.read_text()
        groups |= set(re.findall(r"--group[ =\n]+(?=[a-z])([\w-]+)", text))
        files |= set(re.findall(r"\brequirements(?:-\w+)?\.txt", text))
    assert groups == set(GROUPS)
    assert files == {file.name for file in ROOT.glob("requirements*.txt")}


@pytest.mark.parametrize("group", ["onnx", "weights", "retrieval", "dev"])
def test_pip_reads_the_groups_of_the_suite_and_finds_them_here(group):
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run"),
            *("--no-index", "--disable-pip-version-check", "--group", group),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if "no such option: --group" in process.stderr:
        pytest.skip("needs pip 25.1: pip install --upgrade pip")
    assert process.returncode == 0, process.stderr
    assert "Would install" not in process.stdout
    for requirement in GROUPS[group]:
        if isinstance(requirement, str):
            name = Requirement(requirement).name
            assert f"already satisfied: {name}" in process.stdout


def test_other_groups_are_requirements():
    for requirement in (*GROUPS["ray"], *GROUPS["bench"]):
        assert Requirement(requirement).specifier
