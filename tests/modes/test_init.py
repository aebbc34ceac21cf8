"""--mode=train --init: trainings that begin with a trained network."""

import base64
import contextlib
import hashlib
import io
import json
import pathlib
import re
import shutil
import urllib.request

import numpy as np
import pytest

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from alexnet_tf.training.trainer import Trainer
from modes import export, train
from modes.beginning import starting_point
from modes.report import origin_sections
from tests.contract.local_server import LocalServer
from tests.modes.conftest import ALL
from tests.training.run_contents import newest_state, weights
from tests.weights import alexnet_files as files

IN_FILES = {
    "mean_subtraction": "mean",
    "pca_lighting": "lighting",
    "tower_conv2d": "conv",
    "tower_dense": "fc",
    "tower_dropout": "drop",
}
FIRSTS = {"conv": 1, "fc": 6, "drop": 6}


@pytest.fixture(scope="module")
def begun(finished_run, options_for, tmp_path_factory):
    """A run stopped in its first step, its source, and what it printed."""
    folder = tmp_path_factory.mktemp("begun")
    source = pathlib.Path(shutil.copytree(finished_run, folder / "source"))
    options = options_for(
        folder / "run",
        **{
            "train.bias_lr_multiplier": 2.0,
            "train.frozen": ("conv1",),
            "train.lr_multipliers": (("fc8", 10.0),),
            "init.layers": ALL[:7],
        },
    )
    options.init, options.config_given = str(source), True
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as output,
    ):
        patch.setattr(Trainer, "train_step", stop)
        assert train.main(options) == 130
    return Run(folder / "run"), source, output.getvalue()


@pytest.fixture
def refused(options_for, tmp_path):
    """Function that trains with a source and returns the one line it gets."""

    def attempt(source, **changes):
        options = options_for(tmp_path / "run")
        options.config_given = True
        options.init = source and str(source)
        for name, value in changes.items():
            if name.startswith("config."):
                key = name.removeprefix("config.")
                options.config.update_from_flattened_dict({key: value})
            else:
                setattr(options, name, value)
        with pytest.raises(UserError) as caught:
            train.main(options)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run").exists()
        return str(caught.value)

    return attempt


def stop(*arguments):
    raise KeyboardInterrupt


def by_layer(file):
    """{"conv1": [arrays]} of a weights file: of each tower, kernels first."""
    found = {}
    for path, array in weights(file).items():
        match = re.search(r"layers/([a-z0-9_]+?)(?:_(\d+))?/vars/\d+$", path)
        if match and match[1] in IN_FILES:
            name = IN_FILES[match[1]]
            if name in FIRSTS:
                name += str(FIRSTS[name] + int(match[2] or 0))
            found.setdefault(name, []).append(array)
    return found


def first_weights(path):
    """Of the state before the first step."""
    return by_layer(path / "state" / "000-000000" / "trainer.weights.h5")


def assert_same(ours, theirs, name):
    for one, other in zip(ours[name], theirs[name], strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def test_layers_and_statistics_of_a_trained_run(begun):
    run, source, _ = begun
    file = source / "best" / "network.weights.h5"
    ours, theirs = first_weights(run.path), by_layer(file)
    for name in (*ALL[:7], "mean"):
        assert_same(ours, theirs, name)
    np.testing.assert_array_equal(ours["lighting"][0], theirs["lighting"][0])
    # New weights, and draws of dropout that are the new run's own.
    assert (ours["fc8"][0] != theirs["fc8"][0]).all()
    assert ours["drop6"][0] == 0 < theirs["drop6"][0]
    [start] = json.loads(run.starts_file.read_text())
    init = run.read_config().init
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert init.source == start["init"]["source"] == str(source)
    assert init.sha256 == start["init"]["sha256"] == digest
    assert tuple(init.layers) == tuple(start["init"]["layers"]) == ALL[:7]


def test_layers_of_an_imported_run(fine_tuned):
    ours = first_weights(fine_tuned.path.with_name("begun"))
    theirs = files.random_weights(files.WIDTH, classes=3)
    for name in ALL[:5]:
        kernel, bias = theirs[name]
        towers = [
            np.concatenate(ours[name][i : i + 2], axis=-1) for i in (0, 2)
        ]
        np.testing.assert_array_equal(towers[0], kernel.transpose(2, 3, 1, 0))
        np.testing.assert_array_equal(towers[1], bias.ravel())
    np.testing.assert_array_equal(ours["fc8"][0], theirs["fc8"][0].T)


def test_frozen_layers_at_the_end(fine_tuned):
    begun = fine_tuned.path.with_name("begun")
    state = newest_state(fine_tuned.path) / "trainer.weights.h5"
    start, end = first_weights(begun), by_layer(state)
    for name in (*ALL[:5], "mean"):
        assert_same(end, start, name)
    for name in ALL[5:]:
        for one, other in zip(end[name], start[name], strict=True):
            assert (one != other).any()
    velocities = [
        array
        for path, array in weights(state).items()
        if re.fullmatch(r"optimizer/vars/\d+", path) and array.ndim
    ]
    moving = [v.shape for v in velocities if v.any()]
    assert moving == [a.shape for name in ALL[5:] for a in end[name]]


def test_what_is_fine_tuned_is_not_told_to_be(begun):
    assert "fine-tuning would help" not in begun[-1]


def test_the_table_of_layers(begun):
    lines = [line.split() for line in begun[-1].splitlines()]
    assert ["conv1", "taken", "frozen"] in lines
    assert ["conv2", "taken", "0.005", "0.01"] in lines
    assert ["fc8", "new", "0.05", "0.1"] in lines


@pytest.mark.slow
def test_what_is_fine_tuned_from_caffe_serves(
    fine_tuned, tmp_path, image_folder
):
    base = tmp_path / "model"
    options = Options(
        config=None, run=str(fine_tuned.path), export_dir=str(base)
    )
    assert export.main(options) == 0
    shutil.rmtree(base / "1" / "assets.extra")  # no warm-up
    image = next((image_folder / "val" / "red").iterdir()).read_bytes()
    encoded = [base64.b64encode(i).decode() for i in (image, b"no image")]
    with LocalServer(f"--export_dir={base}") as server:
        request = urllib.request.Request(
            f"{server.url}/v1/models/{base.name}:predict",
            json.dumps({"instances": [{"b64": e} for e in encoded]}).encode(),
        )
        with urllib.request.urlopen(request) as response:
            answer, refused = json.load(response)["predictions"]
    assert {*answer["classes"]} == {"blue", "green", "red"}
    assert (answer["valid"], refused["valid"]) == (True, False)
    trained = load_trained(fine_tuned)
    records = to_record(decode(image))[None]
    [expected] = ten_crop_probabilities(trained.network, records, trained.crop)
    found = dict(zip(answer["classes"], answer["scores"], strict=True))
    for name, probability in zip(trained.class_names, expected, strict=True):
        assert found[name] == pytest.approx(float(probability), rel=1e-4)
    [card] = (base / "1").glob("*.md")
    assert_ancestry(card.read_text(), fine_tuned)


def test_the_report_tells_the_ancestry(fine_tuned):
    [_, section] = origin_sections(fine_tuned)
    assert_ancestry(section.body, fine_tuned)


def assert_ancestry(page, run):
    assert "conv1, conv2, conv3, conv4, conv5, fc6, fc7, fc8 of caffe" in page
    assert run.read_config().init.sha256 in page
    assert "imported from random.caffemodel" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config.model.towers": 1}, "model.towers 2, this one 1"),
        ({"config.model.width": 1 / 8}, "model.width 0.0625, this one 0.125"),
        (
            {"config.init.layers": ("conv1", "fc6"), "config.model.crop": 128},
            "the kernel of fc6 is 576x256 there and 144x256 here",
        ),
        ({"config.init.sha256": "0" * 64}, "another SHA-256"),
        ({"trust_pickle": True}, "--trust_pickle is for weights files"),
    ],
)
def test_a_source_that_does_not_fit(finished_run, refused, changes, message):
    assert message in refused(finished_run, **changes)


def test_what_is_no_source(refused, tmp_path, image_folder, finished_run):
    assert "no such run folder" in refused(tmp_path / "nowhere")
    assert "config.json is missing" in refused(image_folder)
    text = tmp_path / "text.txt"
    text.write_text("no weights")
    assert "no format is known by that name" in refused(text)
    assert "add --init=SOURCE" in refused(
        None, **{"config.init.statistics": "measured"}
    )
    assert "none is read here" in refused(None, mean_file="mean.npy")


def test_classes_in_another_order(refused, finished_run, own_images, tmp_path):
    order = {"blue": "red", "green": "green", "red": "blue"}
    source = pathlib.Path(shutil.copytree(finished_run, tmp_path / "source"))
    file = Run(source).dataset_file
    dataset = json.loads(file.read_text())
    dataset["class_names"] = [order[n] for n in dataset["class_names"]]
    file.write_text(json.dumps(dataset))
    assert "these classes in another order" in refused(source)


def test_a_run_that_exists(finished_run):
    options = Options(
        config=None, run=str(finished_run), init=str(finished_run)
    )
    with pytest.raises(UserError, match=r"^--init=.* is for a new run"):
        train.main(options)


@pytest.mark.parametrize("by_flag", [True, False])
def test_the_first_command_again_has_the_flags_of_its_file(
    begun, tmp_path, by_flag
):
    run, source, _ = begun
    path = shutil.copytree(run.path, tmp_path / "run")
    config = run.read_config()
    options = Options(
        config=config,
        config_given=not by_flag,
        run=str(path),
        init=str(source) if by_flag else None,
        trust_pickle=True,
        mean_file="mean.npy",
    )
    assert starting_point(options, Run(path)) is None  # it has a state
    options.init, options.config_given = None, False
    with pytest.raises(UserError, match="none is read here"):
        starting_point(options, Run(path))


@pytest.mark.slow
def test_frozen_layers_learn_when_a_finished_run_goes_on(fine_tuned, tmp_path):
    run = Run(shutil.copytree(fine_tuned.path, tmp_path / "run"))
    more = {"train.frozen": (), "train.epochs": 3}
    options = Options(config=None, run=str(run.path), overrides=more)
    before = by_layer(newest_state(run.path) / "trainer.weights.h5")
    assert train.main(options) == 0
    after = by_layer(newest_state(run.path) / "trainer.weights.h5")
    for name in ALL:
        assert (after[name][0] != before[name][0]).any(), name


def test_nothing_saved_and_another_source_or_none(begun, tmp_path):
    run, source, _ = begun
    path = shutil.copytree(run.path, tmp_path / "run")
    shutil.rmtree(path / "state")
    options = Options(config=None, run=str(path))
    best = source / "best" / "network.weights.h5"
    kept = best.read_bytes()
    with open(best, "ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match="another SHA-256"):
        train.main(options)
    best.write_bytes(kept)
    source.rename(tmp_path / "source")
    with pytest.raises(UserError, match="no such run folder"):
        train.main(options)
    (tmp_path / "source").rename(source)
