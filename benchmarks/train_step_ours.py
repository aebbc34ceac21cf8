"""One training step of this project's network, and the machine's limit."""

import time

import tensorflow as tf

from alexnet_tf.network import build_network
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.trainer import Trainer
from configs import paper

SIDE = 4096  # of the square matrices that measure the machine


def programs(
    batch_size, precision="float32", products=3, width=1.0, classes=1000
):
    """A training step on one fixed batch, and products of its precision.

    Args:
        batch_size: images of a step.
        precision: see configs/paper.py.
        products: how many make one turn of "matrix_product".
        width, classes: of the network.
    """
    config = paper.get_config()
    config.model.width, config.model.num_classes = width, classes
    trainer = make_trainer(config, precision)
    iterator = one_batch(config, batch_size)

    def step():
        start = time.perf_counter()
        logs = trainer.train_function(iterator)
        tf.nest.map_structure(lambda value: value.numpy(), logs)
        return time.perf_counter() - start

    matrix = tf.cast(
        tf.random.stateless_uniform((SIDE, SIDE), (0, 1)),
        "bfloat16" if precision == "bfloat16" else "float32",
    )

    @tf.function
    def multiplied():
        product = matrix
        for _ in range(products):
            product = tf.matmul(product, matrix) / SIDE
        return tf.reduce_sum(product)

    def matrix_product():
        start = time.perf_counter()
        multiplied().numpy()
        return (time.perf_counter() - start) / products

    return {"ours": step, "matrix_product": matrix_product}


def make_trainer(config, precision="float32", frozen=()):
    """A `Trainer`; a small learning rate keeps the loss finite."""
    trainer = Trainer(
        build_network(config.model, config.train.seed, precision),
        PaperSGD(
            1e-5,
            momentum=config.train.momentum,
            weight_decay=config.train.weight_decay,
        ),
        frozen=frozen,
    )
    trainer.make_train_function()
    return trainer


def one_batch(config, batch_size):
    """An iterator over one random batch, again and again."""
    crop = config.model.crop
    images = tf.random.stateless_uniform(
        (batch_size, crop, crop, 3), (0, 0), 0, 256, tf.int32
    )
    labels = tf.range(batch_size, dtype=tf.int64) % config.model.num_classes
    batch = tf.data.Dataset.from_tensors((tf.cast(images, tf.uint8), labels))
    return iter(batch.cache().repeat())


def facts():
    """The version."""
    return f"TensorFlow {tf.__version__}"
