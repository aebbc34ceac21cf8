"""The variants of --mode=ablate: each is a network that can be trained."""

import dataclasses

import numpy as np
import pytest

from alexnet_tf.config import changed_values, check_config
from alexnet_tf.errors import UserError
from alexnet_tf.network import build_network
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from configs import demo, one_gpu, original2012, paper
from configs.ablations import NEVER_MEET, VARIANTS
from modes import ablate, series
from modes.ablate import WHOLE, config_of, variants_of
from tests.evaluation.outcomes import made_up_outcome

OF_DATA = {"no crops and mirrors"}


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant[0])
def variant(request):
    return request.param


def test_every_variant_is_another_network(variant):
    name, changes, _ = variant
    config = demo.get_config()
    config.model.width = 1 / 16
    config.model.num_classes = 10
    changed = config_of(config, changes, seed=0)
    check_config(changed)
    assert {
        key
        for section in ("data", "model", "train")
        for key, *_ in changed_values(section, config, changed)
    } <= set(changes)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 224, 224, 3), np.uint8)
    whole, other = (
        build_network(c.model)(images, training=True).numpy()
        for c in (config, changed)
    )
    assert other.shape == (2, 10)
    assert np.array_equal(whole, other) == (name in OF_DATA | {"no lighting"})


def test_what_changes_nothing_is_no_variant():
    names = [name for name, _ in variants_of(paper.get_config())]
    assert names == [WHOLE] + [
        name for name, *_ in VARIANTS if name != "the paper's initial weights"
    ]


def test_no_lrn_is_no_norm_at_all():
    """Experiment 148, which 2012's figure is of, has none of its three."""
    config = original2012.get_config()
    config.model.width = 1 / 16
    config.model.num_classes = 10
    changes = dict(variants_of(config))["no LRN"]
    names = {
        layer.name
        for layer in build_network(config_of(config, changes, 0).model).layers
    }
    whole = {layer.name for layer in build_network(config.model).layers}
    assert whole - names == {"lrn1", "lrn2", "norm2"}
    assert names < whole


def test_pools_without_overlap_have_the_sizes_of_147():
    config = demo.get_config()
    config.model.width = 1 / 16
    config.model.num_classes = 10
    changes = dict(variants_of(config))["pooling without overlap"]
    network = build_network(config_of(config, changes, 0).model)
    sides = {
        name: network.get_layer(name).tower_outputs[0].shape[1]
        for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")
    }
    assert list(sides.values()) == [55, 28, 26, 13, 11, 6]


def test_one_tower_has_none_to_meet():
    names = dict(variants_of(one_gpu.get_config()))
    assert NEVER_MEET not in names
    assert NEVER_MEET in dict(variants_of(paper.get_config()))


@pytest.fixture
def trainings(monkeypatch):
    """[(run, epochs), ...] that were asked for, each with its own error."""
    asked = []

    def train(options, begin=None):
        config, run = options.config, Run(options.run)
        asked.append((run.path.name, config.train.epochs))
        run.create(config)
        error = 1 / (1 + len(asked))
        outcome = made_up_outcome(
            run=str(run.path), top1_error=error, top5_error=error
        )
        run.finish(dataclasses.asdict(outcome))
        return 0

    monkeypatch.setattr(series, "train", train)
    monkeypatch.setattr(ablate, "VARIANTS", ablate.VARIANTS[:1])
    return asked


def test_what_is_done_is_done_with_this_config_only(
    trainings, tmp_path, capsys
):
    config = demo.get_config()
    options = Options(config=config, run=str(tmp_path), seeds=1)
    assert ablate.main(options) == 0
    assert len(trainings) == 2
    table = (tmp_path / "ablations.csv").read_text()
    assert ablate.main(options) == 0
    assert len(trainings) == 2
    assert "0 of them still to do" in capsys.readouterr().out
    # A longer training is another one: no old result stands for it.
    config.train.epochs += 4
    assert ablate.main(options) == 0
    assert [epochs for _, epochs in trainings] == [3, 3, 7, 7]
    assert (tmp_path / "ablations.csv").read_text() != table


def test_a_run_of_other_values_is_no_result(trainings, tmp_path, monkeypatch):
    config = demo.get_config()
    options = Options(config=config, run=str(tmp_path), seeds=1)
    assert ablate.main(options) == 0
    # As `train` ends where a finished run has no step left to make.
    monkeypatch.setattr(series, "train", lambda options, begin: 0)
    config.train.lr = 0.5
    with pytest.raises(UserError, match=r"train\.lr .*, not 0\.5, and has no"):
        ablate.main(options)


def test_an_evaluation_afterwards_changes_no_table(trainings, tmp_path):
    options = Options(config=demo.get_config(), run=str(tmp_path), seeds=1)
    ablate.main(options)
    table = (tmp_path / "ablations.csv").read_text()
    for run in map(Run, tmp_path.glob("*-0")):
        centre = made_up_outcome(crops=1, top1_error=1.0, top5_error=1.0)
        run.evaluation_file.write_text(str(dataclasses.asdict(centre)))
    ablate.main(options)
    assert (tmp_path / "ablations.csv").read_text() == table


def test_what_was_only_evaluated_is_not_finished(trainings, tmp_path):
    options = Options(config=demo.get_config(), run=str(tmp_path), seeds=1)
    ablate.main(options)
    [first, *_] = sorted(tmp_path.glob("*-0"))
    run = Run(first)
    run.finished_file.unlink()
    run.evaluation_file.write_text("{}")
    assert not run.is_finished
    ablate.main(options)
    assert [name for name, _ in trainings[2:]] == [first.name]
