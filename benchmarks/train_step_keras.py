"""One training step of the network as Keras programs usually write it."""

import time

import keras
import tensorflow as tf
from keras import layers

MAPS = (96, 256, 384, 384, 256)
UNITS = 4096


def tensorflow_lrn(maps):
    """TensorFlow's own normalization, which a CPU has in float32 only."""
    found = tf.nn.local_response_normalization(
        tf.cast(maps, tf.float32),
        depth_radius=2,
        bias=2.0,
        alpha=1e-4,
        beta=0.75,
    )
    return tf.cast(found, maps.dtype)


def network(width, lrn=tensorflow_lrn, classes=1000):
    """Grouped convolutions, and a normalization as a function of the maps."""
    maps = [round(width * count) for count in MAPS]
    units = round(width * UNITS)
    lrn = layers.Lambda(lrn)

    def conv(count, size, **options):
        return layers.Conv2D(count, size, activation="relu", **options)

    return keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.ZeroPadding2D(((0, 3), (0, 3))),
            *(conv(maps[0], 11, strides=4), lrn, layers.MaxPool2D(3, 2)),
            *(conv(maps[1], 5, padding="same", groups=2), lrn),
            layers.MaxPool2D(3, 2),
            conv(maps[2], 3, padding="same"),
            conv(maps[3], 3, padding="same", groups=2),
            conv(maps[4], 3, padding="same", groups=2),
            *(layers.MaxPool2D(3, 2), layers.Flatten()),
            *(layers.Dense(units, activation="relu"), layers.Dropout(0.5)),
            *(layers.Dense(units, activation="relu"), layers.Dropout(0.5)),
            layers.Dense(classes, dtype="float32"),
        ]
    )


def compiled(width, precision, lrn=tensorflow_lrn):
    """The network with Keras' own SGD, in float32 or mixed bfloat16."""
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    keras.config.set_dtype_policy(policy)
    model = network(width, lrn)
    model.compile(
        keras.optimizers.SGD(1e-5, momentum=0.9, weight_decay=5e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def programs(batch_size, width=1.0, precision="float32"):
    """A step on one fixed batch of floats."""
    model = compiled(width, precision)
    model.make_train_function()
    images = tf.random.uniform((batch_size, 224, 224, 3), -128, 128)
    batch = tf.data.Dataset.from_tensors((images, tf.range(batch_size)))
    iterator = iter(batch.cache().repeat())

    def step():
        start = time.perf_counter()
        logs = model.train_function(iterator)
        tf.nest.map_structure(lambda value: value.numpy(), logs)
        return time.perf_counter() - start

    return {"keras_groups": step}


def facts():
    """The version."""
    return f"Keras {keras.__version__}"
