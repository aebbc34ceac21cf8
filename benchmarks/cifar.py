"""A four-layer network trained on CIFAR-10 to its end, and its test error.

    python -m benchmarks.cifar --config=configs/cifar/conv_local_13pct.py
        --data_dir=DIR [--download] [--epochs=N] [--width=W] [--seed=N] --json

Trains with the paper's update rule on random crops and mirrors, divides the
learning rate by ten twice at the end, and averages the probabilities of nine
places of each test image, as the recipes of configs/cifar/ say. --epochs
replaces the recipe's epochs before the first drop, --width multiplies its
numbers of kernels.
"""

import keras
import numpy as np

from alexnet_tf.analysis.relu_against_tanh import load_images
from alexnet_tf.cifar_network import cifar_network, layer_names
from alexnet_tf.config import check_values
from alexnet_tf.data.sources.open_source import open_whole_source
from alexnet_tf.evaluation.top_k import wilson_interval
from alexnet_tf.training.optimizer import PaperSGD
from benchmarks import command_line
from configs.cifar.recipe import Recipe

AT_ONCE = 500


def compiled(config, mean_image, classes):
    """The network of a recipe with the paper's update rule and its decays.

    Args:
        config: see configs/cifar/recipe.py.
        mean_image: float [H, W, 3] of the whole images, 0..255; crops lose its
            centre, wherever they are from.
        classes: number of classes.
    """
    shape = mean_image.shape
    if config.crop:
        shape = (config.crop, config.crop, 3)
    network = cifar_network(config.network, shape, classes, seed=config.seed)
    network.get_layer("mean").set_mean(mean_image)
    network.compile(
        PaperSGD(
            config.lr,
            momentum=config.momentum,
            weight_decay=0.0,
            bias_lr_multiplier=config.bias_lr_multiplier,
            decay_biases=False,
            layer_decays=zip(
                layer_names(config.network), config.decays, strict=True
            ),
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["sparse_categorical_accuracy"],
        jit_compile=True,
    )
    return network


def random_views(images, crop, random):
    """A crop of each image at a random place, half of them mirrored.

    Args:
        images: uint8 [N, H, W, 3].
        crop: side of the crops.
        random: a numpy Generator.

    Returns:
        uint8 [N, crop, crop, 3].
    """
    ends = np.array(images.shape[1:3]) - crop + 1
    views = np.empty((len(images), crop, crop, 3), np.uint8)
    places = random.integers(0, ends, (len(images), 2))
    mirrored = random.random(len(images)) < 0.5
    for view, image, (top, left), mirror in zip(
        views, images, places, mirrored, strict=True
    ):
        part = image[top : top + crop, left : left + crop]
        view[:] = part[:, ::-1] if mirror else part
    return views


def nine_views(images, crop):
    """Crops at nine places: edges and middle, down and across.

    Args:
        images: uint8 [N, H, W, 3].
        crop: side of the crops.

    Yields:
        uint8 [N, crop, crop, 3], nine times.
    """
    height, width = np.array(images.shape[1:3]) - crop
    for top in (0, height // 2, height):
        for left in (0, width // 2, width):
            yield images[:, top : top + crop, left : left + crop]


def probabilities_of(network, images):
    """Softmax outputs; float64 [N, classes]."""
    parts = [
        keras.ops.softmax(network(images[at : at + AT_ONCE]))
        for at in range(0, len(images), AT_ONCE)
    ]
    return np.concatenate([np.float64(part) for part in parts])


def lr_of(config, epoch):
    """The learning rate of an epoch, counted from 0."""
    behind = epoch - config.epochs
    drops = 0 if behind < 0 else 1 + behind // config.epochs_after_drop
    return config.lr / 10**drops


def train(network, images, labels, config):
    """Trains a network to the end of its recipe; prints a line an epoch."""
    trained = len(images) // config.batch_size * config.batch_size
    total = config.epochs + config.drops * config.epochs_after_drop
    for epoch in range(total):
        random = np.random.default_rng((config.seed, epoch))
        order = random.permutation(len(images))[:trained]
        seen = images[order]
        if config.crop:
            seen = random_views(seen, config.crop, random)
        network.optimizer.learning_rate = lr_of(config, epoch)
        history = network.fit(
            seen,
            labels[order],
            batch_size=config.batch_size,
            shuffle=False,
            verbose=0,
        ).history
        error = 1 - history["sparse_categorical_accuracy"][0]
        print(
            f"epoch {epoch + 1} of {total}: loss {history['loss'][0]:.3f}, "
            f"training error {error:.3f}",
            flush=True,
        )


def test_errors(network, images, labels, config):
    """Number of test images that are misclassified."""
    views = nine_views(images, config.crop) if config.crop else [images]
    mean = np.mean([probabilities_of(network, view) for view in views], axis=0)
    return int(np.sum(mean.argmax(axis=1) != labels))


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--config", required=True, help="of configs/cifar/")
    parser.add_argument("--data_dir")
    parser.add_argument("--download", action="store_true")
    parser.add_argument("--data_name", default="cifar10")
    parser.add_argument("--width", type=command_line.positive, default=1.0)
    parser.add_argument("--epochs", type=command_line.count)
    parser.add_argument("--seed", type=command_line.seed, default=0)
    arguments = parser.parse_args()
    config = command_line.recipe(arguments.config)
    check_values(config, Recipe)
    config.seed = arguments.seed
    config.network.kernels = tuple(
        max(1, round(arguments.width * k)) for k in config.network.kernels
    )
    if arguments.epochs:
        config.epochs = arguments.epochs
    source = open_whole_source(
        arguments.data_name, arguments.data_dir, arguments.download
    )
    if source.validation is None:
        raise SystemExit(f"{source.name} has no test images")
    images, labels = load_images(source, source.train)
    tested, test_labels = load_images(source, source.validation)
    if config.batch_size > len(images):
        raise SystemExit(
            f"a batch of {config.batch_size} is more than there is"
        )
    mean_image = images.mean(axis=0, dtype=np.float64)
    network = compiled(config, mean_image, len(source.class_names))
    train(network, images, labels, config)
    wrong = test_errors(network, tested, test_labels, config)
    low, high = wilson_interval(wrong, len(tested))
    error = wrong / len(tested)
    print(
        f"test error {error:.2%} ({low:.2%} to {high:.2%}) of {len(tested)} "
        "images"
    )
    result = {
        "test_error": error,
        "interval": [low, high],
        "images": len(tested),
        "epochs": config.epochs,
        "seed": config.seed,
        "width": arguments.width,
    }
    command_line.tell(arguments, result)


if __name__ == "__main__":
    command_line.run(main)
