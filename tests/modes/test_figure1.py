"""ReLU against tanh on a few small images."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.analysis import relu_against_tanh
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
        return abs(math.log(lr / best)) + 1

    lr, cost = relu_against_tanh.best_lr(cost_of, 0.01, 3.0)
    assert abs(math.log(lr / best)) <= math.log(3) / 2 + 1e-9
    assert cost == cost_of(lr, None)


def test_rates_that_diverge_are_walked_away_from():
    def cost_of(lr, to_beat):
        return math.inf if lr > 0.005 else abs(math.log(lr / 0.001))

    lr, _ = relu_against_tanh.best_lr(cost_of, 0.01, 3.0)
    assert lr == pytest.approx(0.01 / 9)


@pytest.fixture
def options(image_folder, tmp_path):
    """A comparison on 72 images of 64x80 that takes seconds."""
    config = recipe.get_config()
    config.data_name = "folder"
    config.kernels = (8, 8, 8)
    config.batch_size = 12
    config.most_epochs = 20
    config.error_images = 72
    config.seeds = 3
    return Options(
        config=config,
        run=str(tmp_path / "run"),
        data_dir=str(image_folder),
        json=True,
    )


def test_a_comparison_from_start_to_end(options, tmp_path, capsys, monkeypatch):
    assert figure1.main(options) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    run = tmp_path / "run"
    for name in figure1.ACTIVATIONS:
        assert len(result["epochs"][name]) == 3
        for seed, epochs in enumerate(result["epochs"][name]):
            lr = result["lr"][name]
            file = run / "trials" / f"{name}-{lr:.3g}-{seed}.json"
            errors = json.loads(file.read_text())
            if epochs is None:
                assert min(errors) > 0.25
                assert len(errors) == 20
            else:
                assert errors[-1] <= 0.25
                assert max(1, len(errors) - 1) <= epochs <= len(errors)
    relu, tanh = (
        np.median([e or np.inf for e in result["epochs"][n]])
        for n in ("relu", "tanh")
    )
    assert result["ratio"] == pytest.approx(tanh / relu)
    assert (run / "figure1.png").stat().st_size > 0
    # Again: nothing is trained twice.
    monkeypatch.setattr(relu_against_tanh, "four_layer_network", None)
    assert figure1.main(options) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again == result
    options.config.momentum = 0.5
    with pytest.raises(UserError, match="other config values"):
        figure1.main(options)


def test_the_same_seed_gives_the_same_errors(options):
    source = figure1.open_whole_source("folder", options.data_dir)
    images, labels = relu_against_tanh.load_images(source)
    assert images.shape == (72, 64, 80, 3)
    np.testing.assert_allclose(images.mean(axis=0), 0, atol=1e-4)

    def first_error():
        network = relu_against_tanh.four_layer_network(
            options.config, (64, 80, 3), 3, "tanh", 0.001, 5
        )
        return next(
            relu_against_tanh.epoch_errors(
                network, images, labels, options.config, 5
            )
        )

    assert first_error() == first_error()


def test_given_deviations_of_the_initial_weights(options):
    options.config.weight_std = (0.5, 0.25, 2.0, 1.0)
    network = relu_against_tanh.four_layer_network(
        options.config, (64, 80, 3), 10, "relu", 0.001, 5
    )
    measured = [
        np.std(layer.kernel) for layer in network.layers if layer.weights
    ]
    np.testing.assert_allclose(measured, (0.5, 0.25, 2.0, 1.0), rtol=0.1)
    options.config.weight_std = (0.01,)
    with pytest.raises(UserError, match="each of the 4 layers, or none"):
        figure1.main(options)


def test_a_rate_that_is_far_too_high_counts_as_never(options):
    options.config.first_lr = 1e30
    options.config.lr_factor = 1.001
    options.config.most_epochs = 2
    with pytest.raises(UserError, match="no learning rate near"):
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
