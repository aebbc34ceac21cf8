"""What a network takes from another one."""

import pathlib
import shutil

import numpy as np
import pytest

from alexnet_tf.config import check_config
from alexnet_tf.errors import UserError
from alexnet_tf.network import build_network
from alexnet_tf.run.folder import Run
from alexnet_tf.weights import starting_point as starting_points
from alexnet_tf.weights.starting_point import (
    StartingPoint,
    read_starting_point,
)
from configs import caffe, paper
from configs.notebook import (
    experiment_145,
    experiment_146_2009,
    experiment_146_2011,
    experiment_146_2012,
)
from tests.weights import alexnet_files as files

CLASSES = ("ant", "bee", "cow")
OTHERS = ("cow", "dog", "ant", "eel")


def network_of(recipe=paper, classes=3, seed=0, **model):
    """A config and its network, small."""
    config = recipe.get_config()
    config.model.update(crop=64, width=1 / 16, num_classes=classes, **model)
    return config, build_network(config.model, seed)


def starting_point(config, network, names=CLASSES):
    """What --init would read; with random biases, and statistics if any."""
    random = np.random.default_rng(7)
    for variable in network.trainable_variables:
        if len(variable.shape) == 1:
            variable.assign(random.normal(size=variable.shape))
    mean = network.get_layer("mean")
    mean.set_mean(random.uniform(90, 140, (256, 256, 3)))
    return StartingPoint(
        path=pathlib.Path("/source"),
        sha256="0" * 64,
        network=network,
        config=config,
        class_names=names,
        images="animals",
        licence="none",
        before=None,
    )


def test_classes_of_the_same_name_keep_their_weights():
    start = starting_point(*network_of())
    config, network = network_of(classes=4, seed=1)
    config.model.lighting.std = 0.0
    fc8 = network.get_layer("fc8")
    new = [v.numpy() for v in (fc8.kernels[0], fc8.biases[0])]
    last = start.network.get_layer("fc8")
    config.init.shared_classes = True
    config.init.statistics = "measured"
    assert start.give(network, config, OTHERS)["classes"] == 2
    for i, (ours, theirs) in enumerate(
        ((fc8.kernels[0], last.kernels[0]), (fc8.biases[0], last.biases[0]))
    ):
        ours, theirs = ours.numpy(), theirs.numpy()
        np.testing.assert_array_equal(ours[..., 0], theirs[..., 2])
        np.testing.assert_array_equal(ours[..., 2], theirs[..., 0])
        np.testing.assert_array_equal(ours[..., [1, 3]], new[i][..., [1, 3]])


@pytest.mark.parametrize(
    ("names", "layers", "message"),
    [
        (OTHERS, (), None),
        (CLASSES[::-1], (), "these classes in another order"),
        (CLASSES[::-1], ("conv1",), None),
        (OTHERS, ("fc8",), "has other classes, ant, bee, cow"),
    ],
)
def test_a_last_layer_of_other_classes(names, layers, message):
    start = starting_point(*network_of())
    config, network = network_of(classes=len(names), seed=1)
    config.init.layers = layers
    config.init.statistics = "measured"
    before = network.get_layer("fc8").kernels[0].numpy()
    if message:
        with pytest.raises(UserError, match=message):
            start.give(network, config, names)
        return
    taken = start.give(network, config, names)["layers"]
    assert taken == list(layers or ("conv1", *taken[1:7]))
    after = network.get_layer("fc8").kernels[0].numpy()
    np.testing.assert_array_equal(after, before)


def test_conv1_for_the_other_order_of_colours():
    """The network answers as its source does: only the order has changed."""
    start = starting_point(*network_of(caffe))
    config, network = network_of(caffe, seed=1, channel_order="rgb")
    start.give(network, config, CLASSES)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    expected = start.network(images).numpy()
    np.testing.assert_allclose(
        network(images).numpy(), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_statistics_between_kinds():
    vectors = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    values = np.array([4e3, 300.0, 20.0])
    start = starting_point(*network_of())
    start.network.get_layer("lighting").set_principal_components(
        vectors, values
    )
    image = start.network.get_layer("mean").mean.numpy()
    config, network = network_of(seed=1, mean="rgb")
    config.model.lighting.scale = "square_roots"
    network = build_network(config.model, 1)
    start.give(network, config, CLASSES)
    np.testing.assert_allclose(
        network.get_layer("mean").mean.numpy()[0, 0],
        image.mean(axis=(0, 1)),
        rtol=1e-5,
    )
    # alpha times the root of the eigenvalue along each eigenvector.
    np.testing.assert_allclose(
        network.get_layer("lighting").components.numpy(),
        (vectors * np.sqrt(values)).T,
        rtol=1e-4,
        atol=1e-4,
    )


def test_what_statistics_the_source_lacks():
    start = starting_point(*network_of(caffe))
    config, network = network_of(seed=1)
    with pytest.raises(UserError, match="no principal components"):
        start.give(network, config, CLASSES)
    start.network.get_layer("mean").mean.assign(np.zeros((1, 1, 3)))
    with pytest.raises(UserError, match="no mean"):
        start.give(network, config, CLASSES)


def test_a_given_mean_needs_none_of_the_source():
    start = starting_point(*network_of(caffe))
    start.network.get_layer("mean").mean.assign(np.zeros((1, 1, 3)))
    config, network = network_of(caffe, seed=1)
    before = network.get_layer("mean").mean.numpy()
    assert before.all()
    assert start.give(network, config, CLASSES)["statistics"] == "source"
    after = network.get_layer("mean").mean.numpy()
    np.testing.assert_array_equal(after, before)


def test_weights_that_are_replaced_meanwhile_are_read_again(
    finished_run, tmp_path, monkeypatch
):
    run = Run(shutil.copytree(finished_run, tmp_path / "run"))
    load, read = starting_points.load_trained, []

    def load_and_replace(run):
        read.append(load(run))
        if len(read) == 1:
            read[0].network.get_layer("fc8").biases[0].assign_add([0, 0, 1.0])
            read[0].network.save_weights(run.best_weights)
        return read[-1]

    monkeypatch.setattr(starting_points, "load_trained", load_and_replace)
    start = read_starting_point(str(run.path), None)
    assert start.network is read[1].network
    assert start.sha256 == run.weights_sha256()


def test_the_three_steps_of_experiment_146():
    """Each takes what the notebook says, and only that."""
    convolutions = [f"conv{n}" for n in range(1, 6)]
    before = starting_point(*network_of(experiment_145), CLASSES)
    for recipe, expected in (
        (experiment_146_2009, convolutions),
        (experiment_146_2011, [*convolutions, "conv6"]),
        (experiment_146_2012, [*convolutions, "conv6", "fc6", "fc7"]),
    ):
        config, network = network_of(recipe, classes=4, seed=1)
        check_config(config)
        config.init.statistics = "measured"
        assert before.give(network, config, OTHERS)["layers"] == expected
        before = starting_point(config, network, OTHERS)


def test_a_weights_file(tmp_path):
    weights = files.random_weights(files.WIDTH, classes=3)
    file = tmp_path / "random.caffemodel"
    file.write_bytes(files.caffemodel(files.caffe_chain(), weights))
    with pytest.raises(UserError, match="does not say what network it is for"):
        read_starting_point(str(file), None)
    config = caffe.get_config()
    config.model.width = files.WIDTH
    config.model.num_classes = 4
    start = read_starting_point(str(file), config)
    taken = start.give(build_network(config.model, 1), config, OTHERS)
    assert taken["layers"][-1] == "fc7"
    assert config.model.num_classes == 4
    config.init.layers = ("fc8",)
    with pytest.raises(UserError, match="does not name its classes"):
        start.give(build_network(config.model, 1), config, OTHERS)
    config.model.lrn.k = 2.0
    with pytest.raises(UserError, match="not for the network of the config"):
        read_starting_point(str(file), config)
