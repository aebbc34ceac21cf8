"""Which devices a --tower_devices value names."""

import types

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.errors import UserError
from alexnet_tf.layers.towers import (
    TowerLayer,
    placement,
    resolve_tower_devices,
    run_on,
)


@pytest.fixture
def with_gpus(monkeypatch):
    """Function that makes TensorFlow list that many GPUs."""

    def arrange(count):
        listed = [
            types.SimpleNamespace(name=f"/device:GPU:{i}", device_type="GPU")
            for i in range(count)
        ]
        monkeypatch.setattr(
            tf.config,
            "list_logical_devices",
            lambda kind=None: listed if kind in (None, "GPU") else [],
        )

    return arrange


@pytest.mark.parametrize(
    ("gpus", "towers", "expected"),
    [
        (0, 2, (None, None)),
        (1, 2, (None, None)),
        (2, 2, ("/GPU:0", "/GPU:1")),
        (4, 2, ("/GPU:0", "/GPU:1")),
        (2, 1, (None,)),
    ],
)
def test_auto_takes_one_gpu_per_tower_or_none(
    with_gpus, gpus, towers, expected
):
    with_gpus(gpus)
    assert resolve_tower_devices("auto", towers) == expected
    assert resolve_tower_devices("none", towers) == (None,) * towers


@pytest.mark.parametrize(
    "spec",
    [
        "CPU:1,CPU:2",
        "cpu:1, cpu:2",
        "/CPU:1,/CPU:2",
        "/device:CPU:1,/device:CPU:2",
    ],
)
def test_named_devices_are_those_that_tensorflow_uses(spec):
    for name, device in zip(
        ("CPU:1", "CPU:2"), resolve_tower_devices(spec), strict=True
    ):
        with tf.device(device):
            assert tf.constant(0.0).device.endswith(name)


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ("CPU:1,CPU:7", "CPU:7"),
        ("TPU:0,CPU:1", "TPU:0"),
        ("CPU:1,", ""),
        ("/GPU:0,/GPU:1", "GPU:0"),
    ],
)
def test_a_device_that_does_not_exist_is_refused(spec, missing):
    if "GPU" in spec and tf.config.list_logical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError) as caught:
        resolve_tower_devices(spec)
    message = str(caught.value)
    assert f"there is no device {missing}" in message
    for device in ("CPU:0", "CPU:1", "CPU:2"):
        assert device in message.split("this process has")[1]


@pytest.mark.parametrize(
    ("spec", "towers"),
    [("CPU:1", 2), ("CPU:0,CPU:1,CPU:2", 2), ("CPU:0,CPU:1", 1)],
)
def test_the_number_of_devices_must_be_that_of_the_towers(spec, towers):
    count = spec.count(",") + 1
    with pytest.raises(UserError, match=f"names {count} devices") as caught:
        resolve_tower_devices(spec, towers)
    assert f"{towers} towers" in str(caught.value)


def test_placement_ends_with_its_block():
    with placement(("/CPU:1", "/CPU:2")):
        with placement((None, None)):
            assert TowerLayer().device(1) is None
        inside = TowerLayer()
    assert [inside.device(t) for t in (0, 1)] == ["/CPU:1", "/CPU:2"]
    assert TowerLayer().device(0) is None


@pytest.mark.parametrize("device", [None, "/CPU:1"])
def test_run_on_changes_no_gradient(device):
    random = np.random.default_rng(0)
    x, w, upstream = (
        random.normal(size=shape) for shape in ((4, 3), (3, 2), (4, 2))
    )
    inputs = [tf.constant(x), tf.constant(w)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = run_on(device, lambda x, w: tf.matmul(x, w) ** 2, *inputs)
    ours = tape.gradient(y, inputs, tf.constant(upstream))
    inner = 2 * (x @ w) * upstream
    for gradient, expected in zip(
        ours, (inner @ w.T, x.T @ inner), strict=True
    ):
        np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_run_on_takes_a_tensor_that_needs_no_gradient():
    mask = tf.constant([1.0, 0.0])
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = run_on("/CPU:1", lambda x, mask: x * x * mask, x.value(), mask)
    np.testing.assert_array_equal(tape.gradient(y, x), [4.0, 0.0])
