"""ReLU against tanh on a few small images."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from alexnet_tf.analysis import relu_against_tanh
from alexnet_tf.analysis.relu_against_tanh import NEVER, Cost
from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from configs import figure1 as recipe
from modes import figure1


@pytest.mark.parametrize(
    ("errors", "epochs"),
    [
        ([0.5, 0.3, 0.2], 2.5),
        ([0.25], 1.0),
        ([0.9, 0.25], 2.0),
        ([0.5, 0.4], math.inf),
        ([math.nan], math.inf),
    ],
)
def test_epochs_lie_on_a_line_between_two(errors, epochs):
    assert relu_against_tanh.epochs_to(0.25, errors) == pytest.approx(epochs)


@pytest.mark.parametrize("best", [1e-5, 0.01, 0.1, 30.0])
def test_the_best_rate_is_found_wherever_it_lies(best):
    def cost_of(lr, to_beat):
        return Cost(abs(math.log(lr / best)) + 1, 0.2)

    lr, cost = relu_against_tanh.best_lr(cost_of, 0.01, 3.0)
    assert abs(math.log(lr / best)) <= math.log(3) / 2 + 1e-9
    assert cost == cost_of(lr, None)


def test_rates_that_diverge_are_walked_away_from():
    def cost_of(lr, to_beat):
        far = abs(math.log(lr / 0.001))
        return NEVER if lr > 0.005 else Cost(far, 0.2)

    lr, _ = relu_against_tanh.best_lr(cost_of, 0.01, 3.0)
    assert lr == pytest.approx(0.01 / 9)


@pytest.mark.parametrize("best", [1e-5, 0.5])
def test_rates_that_do_not_reach_it_are_told_apart_by_their_errors(best):
    def cost_of(lr, to_beat):
        far = abs(math.log(lr / best))
        return Cost(5 + far if far < 1 else math.inf, 0.2 + far)

    lr, _ = relu_against_tanh.best_lr(cost_of, 0.01, 3.0)
    assert abs(math.log(lr / best)) <= math.log(3) / 2 + 1e-9


def test_the_ratio_and_its_interval_are_scipys():
    config = recipe.get_config()
    errors = {  # which reach 25 % after these epochs, exactly
        "relu": [[0.5, 0.25], [0.5, 0.5, 0.25], [0.25]],
        "tanh": [[0.5] * 11 + [0.25], [0.5] * 9 + [0.25], [0.5] * 4 + [0.25]],
    }
    curves = {name: (0.1, runs) for name, runs in errors.items()}
    result = relu_against_tanh.summary(curves, config)
    ratios = np.array([12 / 2, 10 / 3, 5 / 1])
    assert result["ratio"] == pytest.approx(stats.gmean(ratios))
    interval = stats.ttest_1samp(np.log(ratios), 0).confidence_interval(0.95)
    assert result["interval"] == pytest.approx(np.exp(interval))
    one = {name: (lr, runs[:1]) for name, (lr, runs) in curves.items()}
    assert relu_against_tanh.summary(one, config)["interval"] is None
    curves["tanh"][1][2] = [0.5] * 40
    result = relu_against_tanh.summary(curves, config)
    assert result["ratio"] is result["interval"] is None
    assert result["epochs"]["tanh"][2] is None


@pytest.fixture(autouse=True)
def no_xla(monkeypatch):
    """XLA takes longer than the steps of these tests."""
    compiled_network = relu_against_tanh.compiled_network

    def uncompiled(*arguments):
        network = compiled_network(*arguments)
        network.jit_compile = False
        return network

    monkeypatch.setattr(relu_against_tanh, "compiled_network", uncompiled)


@pytest.fixture
def options(image_folder, tmp_path):
    """A comparison on the centres of 72 images that takes seconds."""
    config = recipe.get_config()
    config.data_name = "folder"
    config.crop = 8
    config.network.kernels = (4, 4, 2, 2)
    config.network.weight_std = ()
    config.network.pixel_scale = 64.0
    config.batch_size = 24
    config.first_lr = 0.16
    config.most_epochs = 12
    config.target_error = 0.4
    config.seeds = 2
    return Options(
        config=config,
        run=str(tmp_path / "run"),
        data_dir=str(image_folder),
        json=True,
    )


@pytest.mark.slow
def test_a_comparison_from_start_to_end(options, tmp_path, capsys, monkeypatch):
    options.config.lr_factor = 4.0
    assert figure1.main(options) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    run = tmp_path / "run"
    for name in figure1.ACTIVATIONS:
        assert len(result["epochs"][name]) == 2
        for seed, epochs in enumerate(result["epochs"][name]):
            lr = result["lr"][name]
            file = run / "trials" / f"{name}-{lr:.3g}-{seed}.json"
            errors = [epoch["error"] for epoch in json.loads(file.read_text())]
            if epochs is None:
                assert min(errors) > 0.4
                assert len(errors) == 12
            else:
                assert errors[-1] <= 0.4
                assert max(1, len(errors) - 1) <= epochs <= len(errors)
    reached = all(all(epochs) for epochs in result["epochs"].values())
    assert (result["ratio"] is None) == (not reached)
    assert (run / "figure1.png").stat().st_size > 0
    # Again: nothing is trained twice.
    monkeypatch.setattr(relu_against_tanh, "cifar_network", None)
    assert figure1.main(options) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again == result
    options.config.momentum = 0.5
    with pytest.raises(UserError, match="other config values"):
        figure1.main(options)


def test_the_first_images_are_read_and_their_centre(options):
    source = figure1.open_whole_source("folder", options.data_dir)
    whole, labels = relu_against_tanh.load_images(source, source.train)
    assert whole.shape == (72, 64, 80, 3)
    images, first_labels = relu_against_tanh.load_images(
        source, source.train, 5, 16
    )
    np.testing.assert_array_equal(images, whole[:5, 24:40, 32:48])
    np.testing.assert_array_equal(first_labels, labels[:5])
    with pytest.raises(UserError, match="they are 64x80"):
        relu_against_tanh.load_images(source, source.train, 5, 65)


def test_an_epoch_is_what_numpy_makes_of_it(options):
    """Error, share of flat units and distance of a first step, and again."""
    source = figure1.open_whole_source("folder", options.data_dir)
    images, labels = relu_against_tanh.load_images(source, source.train, 0, 8)
    options.config.batch_size = 72  # one step

    network = relu_against_tanh.compiled_network(
        options.config, images.mean(axis=0), 3, "tanh"
    )

    def start():
        relu_against_tanh.begin(network, options.config, lr=0.05, seed=5)

    def first_epoch():
        return next(
            relu_against_tanh.epochs_of(
                network,
                images,
                labels,
                options.config,
                activation="tanh",
                seed=5,
            )
        )

    start()
    logits = np.array(network(images))
    before = [w for w in map(np.array, network.weights) if w.ndim > 1]
    epoch = first_epoch()
    after = [w for w in map(np.array, network.weights) if w.ndim > 1]
    assert epoch.error == pytest.approx(
        np.mean(np.argmax(logits, axis=1) != labels)
    )
    moved = [
        np.linalg.norm(new - old) / np.linalg.norm(old)
        for old, new in zip(before, after, strict=True)
    ]
    # The mean image is the first of the weights and no kernel.
    np.testing.assert_allclose(epoch.moved, moved[1:], rtol=1e-5)
    assert min(epoch.moved) > 0
    start()
    assert first_epoch() == epoch


@pytest.mark.parametrize(
    ("activation", "share"), [("relu", 0.5), ("tanh", 0.25)]
)
def test_flat_is_where_the_slope_is_under_a_tenth(activation, share):
    """0.95^2 = 0.9025: tanh' = 1 - tanh^2 is a tenth there."""
    sums = np.array([-4.0, -0.2, 0.1, 1.5])
    if activation == "relu":
        outputs = np.maximum(sums, 0)
    else:
        outputs = 1.7 * np.tanh(sums)
        flat = 1 - np.tanh(sums) ** 2 < 0.1
        assert share == np.mean(flat)
    assert relu_against_tanh.flat_share(outputs, activation, 1.7) == share


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kernels", (4, 4), "each of conv1, conv2, local3, local4"),
        ("weight_std", (0.01,), "each of conv1, conv2, local3, local4, softm"),
    ],
)
def test_a_layer_without_its_value_is_named(options, key, value, message):
    options.config.network[key] = value
    with pytest.raises(UserError, match=message):
        figure1.main(options)


def test_more_in_a_batch_than_images_is_refused(options):
    options.config.batch_size = 73
    with pytest.raises(UserError, match="more than the 72 training images"):
        figure1.main(options)


def test_a_rate_that_is_far_too_high_counts_as_never(options):
    options.config.first_lr = 1e30
    options.config.lr_factor = 1.001
    options.config.most_epochs = 1
    with pytest.raises(UserError, match="not finite: change"):
        figure1.main(options)


def test_more_epochs_go_on_in_the_same_folder(options):
    options.config.first_lr = 1e-6  # too low to learn anything
    options.config.lr_factor = 1.01
    options.config.most_epochs = 1
    with pytest.raises(UserError, match=r"it is 0\.\d+ then: raise"):
        figure1.main(options)
    options.config.most_epochs = 2
    with pytest.raises(UserError, match="in 2 epochs"):
        figure1.main(options)


def test_another_recipe_is_refused(options, options_for, tmp_path):
    with pytest.raises(UserError, match=r"configs/figure1\.py"):
        figure1.main(options_for(tmp_path / "run"))


def test_images_of_many_sizes_are_refused(options, own_images):
    file = own_images / "train" / "red" / "00.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file)
    options.data_dir = str(own_images)
    with pytest.raises(UserError, match="differ in size"):
        figure1.main(options)
