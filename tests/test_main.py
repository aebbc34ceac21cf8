"""The command line, up to the point where a mode begins."""

import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

import pytest

from alexnet_tf.config import flattened
from alexnet_tf.options import MODES, flag_fields, flag_name, written
from configs import paper

MAIN = pathlib.Path(__file__).parent.parent / "main.py"
BAD_INPUT = 2


def run_main(*arguments, python_options=(), folder=None):
    """Runs main.py in a folder of its own, as a user would."""
    return subprocess.run(
        [sys.executable, *python_options, MAIN, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )


def test_help_is_quick():
    times = []
    for _ in range(3):
        start = time.monotonic()
        result = run_main("--help")
        times.append(time.monotonic() - start)
        assert result.returncode == 0
        assert result.stderr == ""
        for word in ("--mode", "--run", "--data_dir", "inspect", "main.py"):
            assert word in result.stdout
    assert statistics.median(times) < 1


def imported(result):
    """Top-level packages that `-X importtime` lists."""
    return {
        line.split("|")[-1].strip().split(".")[0]
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    }


@pytest.mark.parametrize("arguments", [["--help"], ["--mode=nothing"]])
def test_tensorflow_is_not_imported_for_an_answer_without_it(arguments):
    packages = imported(
        run_main(*arguments, python_options=["-X", "importtime"])
    )
    assert {"absl", "ml_collections", "alexnet_tf"} <= packages
    assert not packages & {"tensorflow", "keras", "matplotlib"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--mode=test"],
            [
                "--mode=test: it has to be train, evaluate, ",
                " or cross_validate",
            ],
        ),
        (["--config.train.epoch=3"], ["epoch", 'Did you mean "epochs"']),
        (["--config.trian.epochs=3"], ["trian"]),
        (
            ["--config.train.epochs=two"],
            ["--config.train.epochs=two: it has to be a whole number of at"],
        ),
        (
            ["--config.train.lr=fast"],
            ["main.py: --config.train.lr=fast: it has to be a number above 0"],
        ),
        (
            ["--config.train.xla=maybe"],
            ["--config.train.xla=maybe: it has to be True or False"],
        ),
        (["--port=abc"], ["main.py: --port=abc: it has to be a whole number"]),
        (["--download=x"], ["--download=x: it has to be True or False"]),
        (["--nodownload=3"], ["main.py: --nodownload=3 does not take an"]),
        (["--format=x"], ["it has to be saved_model, onnx, tflite, "]),
        (
            ["--mode=serve", "--models_config=/nowhere/x"],
            ["/nowhere/x cannot be read"],
        ),
        (["--config.data=3"], ["config.data"]),
        (["--config=missing.py"], ["missing.py", "no such file"]),
        (["--against=missing.py"], ["--against=missing.py", "no such file"]),
        (["--config=missing.py", "--config.train.epochs=3"], ["missing.py"]),
        (["pictures"], ["unexpected argument pictures"]),
        (["--mode=export", "pictures"], ["unexpected argument pictures"]),
        (["--no_such_flag"], ["no_such_flag"]),
        (["--crops=5"], ["crops", "1", "10"]),
        (["--logical_cpus=0"], ["logical_cpus"]),
        (["predict", "x.png"], ["argument predict", "--mode=predict"]),
        (["--port=70000", "--mode=serve"], ["port", "at most 65535"]),
        (["--mode=serve", "--allow_origin="], ["allow_origin", "empty"]),
        (["--mode=prepare", "--max_rejected=nan"], ["max_rejected", "1"]),
        (["--config.train.lr=nan"], ["config.train.lr is nan", "above 0"]),
        (["--config=~/missing.py"], ["missing.py", "no such file"]),
        # TensorFlow is imported first.
        (["--config.data.name=nothing"], ["there is no data set nothing"]),
    ],
    ids=" ".join,
)
def test_a_mistake_is_answered_in_one_line(tmp_path, arguments, words):
    assert_one_line(run_main(*arguments, folder=tmp_path), words)
    assert list(tmp_path.iterdir()) == []


def assert_one_line(result, words):
    assert result.returncode == BAD_INPUT
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("main.py: ")
    assert "Traceback" not in line
    for word in words:
        assert word in line


# What main.py does, in children of a process that has imported TensorFlow.
FORKED = """
import json, os, pathlib, sys
import main
import modes.evaluate, modes.inspect, modes.train
for line in sys.stdin:
    arguments, folder, output = json.loads(line)
    child = os.fork()
    if not child:
        os.chdir(folder)
        for number, name in enumerate(("stdout", "stderr"), 1):
            file = os.open(os.path.join(output, name), os.O_CREAT | os.O_WRONLY)
            os.dup2(file, number)
        sys.argv = ["main.py", *arguments]
        main.app.run(main.run_main, flags_parser=main.parse_flags)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def run_forked(tmp_path_factory):
    """Function that answers as `run_main`, without TensorFlow's import."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=MAIN.parent,
    ) as process:

        def run(*arguments, folder):
            output = tmp_path_factory.mktemp("output")
            request = [arguments, str(folder), str(output)]
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            return subprocess.CompletedProcess(
                arguments,
                int(process.stdout.readline()),
                *((output / n).read_text() for n in ("stdout", "stderr")),
            )

        yield run
        process.stdin.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--config.data.name=cifar10", "--data_dir=data"],
            ["cifar10 is not prepared", "--data_dir", "--download"],
        ),
        (["--config.data.name=folder", "--data_dir=x"], ["x/train"]),
        (["--data_dir=x"], ["--config.data.name=folder"]),
        (["--init="], ["--init is empty"]),
        (
            ["--mode=evaluate", "--runs=A,"],
            ["--runs has an empty value, number 2 of 2", "comma"],
        ),
        (["--mode=evaluate", "--runs=,"], ["--runs has an empty value"]),
        (["--download"], ["--download is for data sets of TFDS", "embedded"]),
        (["--mode=evaluate", "--run=nowhere"], ["no run in nowhere"]),
        (["--mode=inspect", "--run=nowhere"], ["no run in nowhere"]),
        (["--mode=inspect", "--tower_devices=CPU:0,CPU:1"], ["no device CPU"]),
    ],
    ids=" ".join,
)
def test_a_later_mistake_is_answered_in_one_line(
    tmp_path, run_forked, arguments, words
):
    assert_one_line(run_forked(*arguments, folder=tmp_path), words)
    assert list(tmp_path.iterdir()) == []


IGNORED = [
    # What would have no effect, or is not there, is told at once.
    (["--mode=train", "--weights=FILE"], ["--weights", "--data_dir"]),
    (["--mode=predict", "--crops=1"], ["--crops is not used", "--image"]),
    (["--mode=predict", "--export_dir=x"], ["--export_dir", "--submission"]),
    (["--mode=predict", "--config=configs/paper.py"], ["--config is not"]),
    (["--mode=serve", "--nodownload"], ["--download is not used"]),
    (["--mode=evaluate", "--workers=2"], ["--workers", "--crops"]),
    (["--mode=evaluate", "--config.model.crop=64"], ["config.model.crop"]),
    (["--mode=predict"], ["--mode=predict needs --image=FILE"]),
    (["--mode=search", "--neighbours=2"], ["needs --image=FILE"]),
    (["--mode=prepare"], ["needs --prepared_dir=DIR"]),
    (["--mode=codes"], ["needs --codes=BITS"]),
    (["--mode=import_weights"], ["needs --weights=FILE"]),
    (["--mode=figure1"], ["needs --config=configs/figure1.py"]),
]


@pytest.mark.parametrize(("arguments", "words"), IGNORED, ids=str)
def test_a_flag_of_no_use_is_refused_before_tensorflow(
    tmp_path, arguments, words
):
    if "--config=configs/paper.py" in arguments:
        (tmp_path / "configs").symlink_to(MAIN.parent / "configs")
    before = sorted(tmp_path.iterdir())
    result = run_main(
        *arguments, folder=tmp_path, python_options=["-X", "importtime"]
    )
    assert result.returncode == BAD_INPUT
    assert result.stdout == ""
    [line] = [
        line
        for line in result.stderr.splitlines()
        if not line.startswith("import time:")
    ]
    assert line.startswith("main.py: ")
    for word in words:
        assert word in line
    assert "tensorflow" not in imported(result)
    assert sorted(tmp_path.iterdir()) == before


def test_help_is_grouped_by_mode():
    text = run_main("--help").stdout
    places = [text.index(f"\n--mode={mode}: ") for mode in MODES]
    assert places == sorted(places)
    serve, prepare = (text.index(f"--mode={m}: ") for m in ("serve", "prepare"))
    assert serve < text.index("\n  --allow_origin\n") < prepare
    for field in flag_fields():
        described = re.findall(rf"^  {written(field.name)}$", text, re.M)
        assert len(described) == 1
    assert max(map(len, text.splitlines())) <= 80


def test_help_of_one_mode_is_of_its_flags_alone():
    text = run_main("--mode=serve", "--help").stdout
    described = set(re.findall(r"^  --(\w+)$", text, re.M))
    network = {"host", "port", "allow_origin"}
    assert described == {"export_dir", "models_config"} | network


def test_helpfull_shows_the_values_of_the_recipe_and_their_comments():
    recipe = MAIN.parent / "configs" / "original2012.py"
    result = run_main("--helpfull", f"--config={recipe}")
    assert (result.returncode, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    for words in (
        "--config.train.lr=0.01 sec. 5 (a number above 0)",
        '--config.train.epochs=91 sec. 5, "roughly 90 cycles" (a whole',
        "--config.model.lrn.scope=tower tower: 2012 code; layer: over both "
        "towers; none: no LRN (tower, layer or none)",
        "--config.model.same_map_norm.size=5 side of the window; 0: no such",
        "--config.data.limit=0 first N training images of the seeded order; "
        "0: all (a whole number of at least 0)",
    ):
        assert words in text
    for key in flattened(paper.get_config().to_dict()):
        assert f"--config.{key}=" in text


def test_helpfull_shows_the_values_of_figure1_too():
    recipe = MAIN.parent / "configs" / "figure1.py"
    text = " ".join(run_main("--helpfull", f"--config={recipe}").stdout.split())
    assert (
        "--config.most_epochs=40 the axis of figure 1 ends there (a whole "
        "number of at least 1)" in text
    )


def test_home_is_expanded_in_every_path(tmp_path, monkeypatch):
    """The shell leaves ~ alone behind an equals sign."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(MAIN.parent)
    paths = [f.name for f in flag_fields() if f.metadata["path"]]
    assert {"run", "runs", "images", "data_dir", "weights"} <= set(paths)
    assert all(
        name in paths
        for name in (f.name for f in flag_fields())
        if name.endswith(("_dir", "_file", "run", "runs"))
    )
    code = (
        "import sys, main\n"
        "words = main.parse_flags(['main.py', *sys.argv[1:]])\n"
        "options = main.options_of(words[1:])\n"
        f"print([getattr(options, name) for name in {paths}])"
    )
    arguments = [f"--{flag_name(name)}=~/a b" for name in paths]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments, "~/c.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    path = f"{tmp_path}/a b"
    several = {"runs": (path,), "images": (path, f"{tmp_path}/c.png")}
    assert result.stdout.strip() == str([several.get(n, path) for n in paths])


@pytest.mark.parametrize("recipe", [["--config=X"], ["--config", "X"]])
def test_a_recipe_may_stand_behind_what_changes_it(recipe):
    code = (
        "import sys, main\n"
        "words = main.parse_flags(['main.py', *sys.argv[1:]])\n"
        "o = main.options_of(words[1:])\n"
        "print(o.config_name, o.config_given, o.config.train.epochs,"
        " o.config.data.name, o.images)"
    )
    recipe = [w.replace("X", "configs/one_gpu.py") for w in recipe]
    change = ["--config.train.epochs=7", "--config.data.name=csv"]
    for words in (
        [*recipe, *change],
        [*change, *recipe],
        [change[0], *recipe, change[1]],
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--", "--config=a.png"],
            capture_output=True,
            text=True,
            cwd=MAIN.parent,
            check=True,
        )
        assert done.stdout == "one_gpu True 7 csv ('--config=a.png',)\n"


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("def get_config(:", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("x = 1", "get_config"),
        (
            "from ml_collections import ConfigDict\n"
            "def get_config(): return ConfigDict({'data': {'limit': 0}})",
            "lacks a key",
        ),
    ],
)
def test_a_recipe_that_is_none_is_answered_in_one_line(tmp_path, recipe, words):
    (tmp_path / "recipe.py").write_text(recipe)
    result = run_main("--mode=inspect", "--config=recipe.py", folder=tmp_path)
    assert result.returncode == BAD_INPUT
    [line] = result.stderr.splitlines()
    assert words in line


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error():
    """As `| head` is."""
    process = subprocess.Popen(
        [sys.executable, MAIN, "--mode=inspect"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait() == 128 + signal.SIGPIPE
