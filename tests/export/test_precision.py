"""--precision=bfloat16 of an export."""

import shutil

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.network import build_network
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained, load_weights
from export.server.models.loaded_model import LoadedModel
from modes import export


@pytest.fixture(scope="module")
def in_bfloat16(tmp_path_factory, finished_run):
    base = tmp_path_factory.mktemp("bfloat16")
    options = Options(config=None, run=str(finished_run), export_dir=str(base))
    options.precision = "bfloat16"
    assert export.main(options) == 0
    return base / "1"


def probabilities(version, photographs, folder):
    # Restored as TF Serving restores, without the requests of the warm-up.
    ignored = shutil.ignore_patterns("assets.extra")
    shutil.copytree(version, folder, ignore=ignored)
    model = LoadedModel(folder, "alexnet", 1, run_timeout=60)
    try:
        answer = model.signatures["probabilities"].run(
            {"image_bytes": photographs}, seconds=60
        )
        return answer["probabilities"]
    finally:
        model.close()


@pytest.mark.slow
def test_answers_are_near_those_in_float32(
    in_bfloat16, exported, photographs, tmp_path
):
    some = photographs[::6]  # a CPU takes its time in bfloat16
    here = probabilities(in_bfloat16, some, tmp_path / "here")
    there = probabilities(exported / "1", some, tmp_path / "there")
    assert np.abs(here - there).max() < 0.01  # 8 bits in each layer
    assert np.abs(here - there).max() > 0  # it is another precision


@pytest.mark.slow
def test_weights_are_stored_in_bfloat16(in_bfloat16, exported):
    def bytes_of(version):
        return sum(f.stat().st_size for f in version.glob("variables/*"))

    assert bytes_of(in_bfloat16) < 0.8 * bytes_of(exported / "1")


def test_stored_weights_give_the_answers_of_trained_ones(finished_run):
    # What a mixed network reads is rounded in the same way.
    run = Run(finished_run)
    config = run.read_config()
    mixed = build_network(config.model, precision="bfloat16")
    load_weights(mixed, run.best_weights, run)
    stored = load_trained(run, precision="bfloat16").network
    dtypes = {w.dtype for w in stored.get_layer("fc6").weights}
    assert dtypes == {"bfloat16"}
    assert {w.dtype for w in stored.get_layer("fc8").weights} == {"float32"}
    crops = np.random.default_rng(0).integers(
        0, 256, (4, config.model.crop, config.model.crop, 3), np.uint8
    )
    assert np.array_equal(mixed(crops), stored(crops))


def test_only_a_saved_model_has_a_precision(finished_run, tmp_path):
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(tmp_path),
        format="onnx",
        precision="bfloat16",
    )
    with pytest.raises(UserError, match="--format=onnx is float32"):
        export.main(options)
