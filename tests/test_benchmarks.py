"""Every benchmark runs, at a size that says nothing about speed."""

import argparse
import importlib
import importlib.util
import json
import math
import pathlib
import shutil
import subprocess
import sys

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from benchmarks import command_line, few_photographs
from configs import paper
from modes import export, index, prepare

ROOT = pathlib.Path(__file__).parents[1]
NARROW = 1 / 16
NARROW_RECIPE = f"""from configs import paper


def get_config():
    config = paper.get_config()
    config.model.width = {NARROW}
    config.train.batch_size = 2
    config.train.lr = 0.0001
    return config
"""
IMAGES = 160  # more than a batch of the input benchmarks
# What each prints under --json, beside what its docstring calls spread.
KEYS = {
    "agreement": set(),
    "evaluation": {"share_of_forward", "images_per_second"},
    "formats": {"programs"},
    "few_photographs": {"from scratch", "everything fine-tuned"},
    "frozen": {"full_ms", "frozen_ms", "ratio"},
    "growth": {"batch", "classes", "index", "linear", "workers_ratio"},
    "input_memory": set(),
    "input_pipeline": {"pipeline_over_decode_cpu", "ratio_to_pil", "raw"},
    "lrn": {
        "forward_ratio",
        "backward_ratio",
        "compiled_forward_ratio",
        "compiled_backward_ratio",
    },
    "memory": {"training", "serving"},
    "near_duplicates": {"near", "pairs"},
    "record_files": set(),
    "retrieval": set(),
    "serve": {
        "ratio_to_fastest_float32",
        "full_request_over_network",
        "programs",
    },
    "serve_load": set(),
    "start": {"help", "predict", "first_step"},
    "train_step": {
        "share_of_matrix_product",
        "ratio_to_fastest",
        "ratio_to_keras_groups",
        "images_per_second",
    },
    "train_with_input": {"ratio", "images_per_second"},
}
# Programs whose tests run them.
ELSEWHERE = {
    "cifar": "test_cifar_recipes.py",
    "compare": "test_compare.py",
    "gpu_check": "test_gpu_check.py",
    "photos": "test_photos_benchmark.py",
    "independent_check": "test_independent_check.py",
    "scale": "test_scale.py",
}


@pytest.fixture(scope="module")
def images(image_folder, tmp_path_factory):
    """A folder of enough images for a batch."""
    folder = tmp_path_factory.mktemp("many") / "images"
    shutil.copytree(image_folder, folder)
    [first, *_] = sorted((folder / "train").glob("*/*.png"))
    for number in range(IMAGES):
        shutil.copy(first, first.with_name(f"again-{number}.png"))
    return folder


@pytest.fixture(scope="module")
def prepared(images, tmp_path_factory):
    """Function: record format -> folder of a prepared set."""

    def make(record_format):
        config = paper.get_config()
        config.data.name = "folder"
        folder = tmp_path_factory.mktemp(record_format) / "set"
        options = Options(
            config=config,
            config_given=True,
            data_dir=str(images),
            prepared_dir=str(folder),
            record_format=record_format,
        )
        assert prepare.main(options) == 0
        return folder

    return make


@pytest.fixture
def flags(request, tmp_path):
    """Function: benchmark -> its flags, made when they are asked for."""
    get = request.getfixturevalue

    def image():
        return min(get("image_folder").glob("val/*/*.png"))

    def run():
        return f"--run={get('finished_run')}"

    def exported():
        base = tmp_path / "exported"
        options = Options(
            config=None, run=str(get("finished_run")), export_dir=str(base)
        )
        assert export.main(options) == 0
        return base

    def retrieval():
        folder = tmp_path / "index"
        options = Options(
            config=None,
            run=str(get("finished_run")),
            data_dir=str(get("images")),  # recall at 100 needs as many
            index_dir=str(folder),
        )
        assert index.main(options) == 0
        return [
            *(run(), f"--index_dir={folder}", "--queries=3"),
            *("--bits=8", "--repeats=2"),
        ]

    def input_pipeline():
        prepared = get("prepared")
        return [
            f"--data_dir={prepared('jpeg')}",
            f"--raw_dir={prepared('raw')}",
            "--rounds=1",
        ]

    def few_photographs():
        recipe = tmp_path / "narrow.py"
        recipe.write_text(NARROW_RECIPE)
        return [
            *(f"--init={get('finished_run')}", f"--folder={tmp_path / 'few'}"),
            *(f"--data_dir={get('image_folder')}", f"--config={recipe}"),
            *(f"--scratch={recipe}", "--counts=2", "--epochs=1"),
            *("--seeds=1", "--held_out=1"),
        ]

    made = {
        "agreement": lambda: [run(), image()],
        "evaluation": lambda: ["--images=16", "--rounds=1", "--width=0.0625"],
        "formats": lambda: [run(), "--images=8", "--rounds=1"],
        "few_photographs": few_photographs,
        "frozen": lambda: [*("--batch_size=2", "--rounds=1", "--width=0.0625")],
        "growth": lambda: ["--small", f"--figure={tmp_path / 'growth.png'}"],
        "input_memory": lambda: ["--images=20", image()],
        "input_pipeline": input_pipeline,
        "lrn": lambda: ["--repeats=5"],
        "memory": lambda: [
            *("--batch_size=2", "--width=0.0625", "--rounds=1"),
            f"--model_dir={exported() / '1'}",
        ],
        "near_duplicates": lambda: [
            *(f"--data_dir={get('image_folder')}", "--name=folder"),
            "--copies=5",
        ],
        "record_files": lambda: [
            f"--data_dir={get('prepared')('jpeg')}",
            "--rounds=1",
        ],
        "retrieval": retrieval,
        "serve": lambda: ["--rounds=1", "--width=0.0625", "--classes=10"],
        "serve_load": lambda: [
            *(f"--export_dir={exported()}", "--clients=1", "--seconds=4"),
            image(),
        ],
        "start": lambda: [run(), "--rounds=1"],
        "train_step": lambda: [
            *("--batch_size=2", "--rounds=1", "--width=0.0625")
        ],
        "train_with_input": lambda: [
            f"--data_dir={get('prepared')('jpeg')}",
            *("--batch_size=2", "--steps=1", "--rounds=1"),
        ],
    }
    return lambda name: list(map(str, made[name]()))


def programs():
    """Names of the modules of benchmarks/ that are programs."""
    return {
        file.stem
        for file in (ROOT / "benchmarks").glob("*.py")
        if "parser.parse_args" in file.read_text()
    }


def numbers(found):
    """All numbers of a JSON object."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        return [n for each in found for n in numbers(each)]
    return [found] if isinstance(found, int | float) else []


def test_no_benchmark_is_forgotten():
    assert programs() == KEYS.keys() | ELSEWHERE.keys()
    assert all((ROOT / "tests" / file).is_file() for file in ELSEWHERE.values())
    page = (ROOT / "benchmarks" / "README.md").read_text()
    for name in programs():
        assert f"python -m benchmarks.{name}" in page


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(KEYS))
def test_it_runs_and_its_own_checks_hold(name, flags, tmp_path):
    if name == "record_files":
        pytest.importorskip("array_record")
    if name == "retrieval":
        pytest.importorskip("faiss")
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *flags(name), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert not done.returncode, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert KEYS[name] <= result.keys()
    found = numbers(result)
    assert found
    assert all(math.isfinite(number) for number in found)
    if importlib.util.find_spec("torch") is None and name == "train_step":
        assert "left out: PyTorch" in done.stdout
    if name == "growth":
        assert (tmp_path / "growth.png").is_file()


@pytest.mark.parametrize(
    "changed",
    [
        *("--init={other}", "--data_dir={other}", "--config={other}.py"),
        *("--scratch={other}.py", "--epochs=2", "--held_out=2"),
    ],
)
@pytest.mark.slow
def test_errors_on_few_photographs_are_of_one_command(
    changed, finished_run, image_folder, tmp_path, monkeypatch, capsys
):
    trained = []
    monkeypatch.setattr(
        few_photographs, "train", lambda *given: trained.append(given)
    )
    monkeypatch.setattr(few_photographs, "test_error", lambda *given: 0.25)
    other = tmp_path / "other"
    shutil.copytree(finished_run, other)
    with open(Run(other).best_weights, "ab") as file:
        file.write(b"other")
    shutil.copytree(image_folder, other, dirs_exist_ok=True)
    for recipe, more in (
        ("recipe", ""),
        ("other", "    config.train.lr = 1\n"),
    ):
        lines = NARROW_RECIPE.replace("    return", f"{more}    return")
        (tmp_path / f"{recipe}.py").write_text(lines)

    def command(*flags):
        argv = [
            *("few", f"--init={finished_run}", f"--data_dir={image_folder}"),
            *(f"--config={tmp_path}/recipe.py", "--counts=1", "--epochs=1"),
            *(f"--scratch={tmp_path}/recipe.py", f"--folder={tmp_path}/new"),
            *("--held_out=1", "--seeds=1", "--json", *flags),
        ]
        monkeypatch.setattr(sys, "argv", argv)
        few_photographs.main()
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    for method in command().values():
        assert method == {"1": {"0": 0.25}}
    assert len(trained) == 3
    with pytest.raises(UserError, match=f"another {changed.split('=')[0]}"):
        command(changed.format(other=other))
    more = command("--counts=1,2", "--epochs=1,2")["from scratch"]
    assert more == {"1": {"0": 0.25}, "2": {"0": 0.25}}
    (tmp_path / "new" / "conditions.json").unlink()
    with pytest.raises(UserError, match="does not say what its errors"):
        command()
    assert len(trained) == 6


def test_a_training_that_has_begun_gets_no_init(tmp_path, monkeypatch):
    """starts.json comes before config.json, with which there is a run."""
    asked = []
    monkeypatch.setattr(
        few_photographs, "main_program", lambda *f: asked.append(f)
    )
    options = argparse.Namespace(init="source")
    for name in ("starts.json", "config.json"):
        (tmp_path / name).write_text("{}")
        few_photographs.train(
            options, tmp_path, tmp_path / "1.csv", 0, ["--init={init}"]
        )
    assert ["--init=source" in flags for flags in asked] == [True, False]


FEW = (
    *("--init={run}", "--folder={new}", "--data_dir={images}"),
    *("--counts=1", "--epochs=1", "--held_out=5"),
)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("few_photographs", [*FEW, "--counts=abc"], "abc: it has to be a wh"),
        ("few_photographs", [*FEW, "--counts=1,"], "it has to be a whole"),
        ("few_photographs", [*FEW, "--seeds=0"], "of at least 1"),
        ("few_photographs", [*FEW, "--counts=1,2"], "have to be as many"),
        ("few_photographs", [*FEW, "--data_dir=/nope"], "no folders train/CLA"),
        (
            "few_photographs",
            [*FEW, "--counts=20", "--held_out=5"],
            "class blue has 24 training photographs",
        ),
        (
            "few_photographs",
            [
                *(*FEW, f"--scratch={ROOT / 'configs' / 'imagenette.py'}"),
                f"--config={ROOT / 'configs' / 'finetune_small.py'}",
            ],
            "has a width of 0.0625, and ",
        ),
        ("few_photographs", [*FEW, "--config=none.py"], "no such file"),
        ("photos", ["--data_dir={new}", "--work={new}"], "that TFDS prepared"),
        ("photos", ["--data_dir=x", "--work=x", "--only=50"], "--only=50: it"),
        ("formats", ["--run=runs/none"], "there is no run in runs/none"),
        ("formats", ["--images=0"], "of at least 1"),
        ("formats", ["--rounds=-5"], "of at least 1"),
        ("formats", ["--width=nan"], "nan: it has to be a number above 0"),
        (
            "independent_check",
            ["--run=runs/none", "a/b.png"],
            "there is no run",
        ),
        (
            "independent_check",
            ["--run={run}", "fox/b.png"],
            "folder of a class",
        ),
        ("independent_check", ["--run={run}", "red/b.png"], "cannot be read"),
        ("cifar", ["--config=nosuch.py"], "there is no such file"),
        ("agreement", ["/nope.jpg"], "/nope.jpg cannot be read"),
        ("compare", ["/nope.json", "/nope.json"], "/nope.json cannot be read"),
        ("evaluation", ["--rounds=0"], "of at least 1"),
        ("train_step", ["--batch_size=1.5"], "1.5: it has to be a whole"),
        ("serve_load", ["--seconds=inf", "a.png"], "a number above 0"),
    ],
)
def test_mistakes_are_one_line_before_any_work(
    name, arguments, words, monkeypatch, tmp_path, request, capsys
):
    places = {"new": tmp_path / "new"}
    for key, fixture in (("run", "finished_run"), ("images", "image_folder")):
        if any(f"{{{key}}}" in argument for argument in arguments):
            places[key] = request.getfixturevalue(fixture)
    capsys.readouterr()
    module = importlib.import_module(f"benchmarks.{name}")
    arguments = [argument.format(**places) for argument in arguments]
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        command_line.run(module.main)
    assert stopped.value.code == 2
    *usage, line = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}.py: ")
    assert words in line
    assert not usage or usage[0].startswith("usage: ")
    assert list(tmp_path.rglob("*.*")) == []
