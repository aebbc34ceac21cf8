"""What all tests share."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest
import tensorflow as tf

# The tests are about CPU devices, on any machine.
tf.config.set_visible_devices([], "GPU")
# Three CPUs, so that the default device (CPU:0) can be told from the first
# tower's. Must happen before TensorFlow uses any device.
[_cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    _cpu, [tf.config.LogicalDeviceConfiguration()] * 3
)


@pytest.fixture
def small_model():
    """The paper's `model` section at 1/16 of its width, ten classes."""
    from configs import paper

    model = paper.get_config().model
    model.width = 1 / 16
    model.num_classes = 10
    return model
