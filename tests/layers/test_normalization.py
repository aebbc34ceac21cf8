"""Local response normalization against the formula in float64."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.normalization import (
    TowerLRN,
    local_response_normalization,
)
from alexnet_tf.layers.towers import placement

PAPER = {"n": 5, "k": 2.0, "alpha": 1e-4, "beta": 0.75}


def formula(a, n, k, alpha, beta):
    """Section 3.3, map by map. Returns b and the sums s = k + alpha * ..."""
    a = np.asarray(a, np.float64)
    maps = a.shape[-1]
    s = np.empty_like(a)
    for i in range(maps):
        first, last = max(0, i - n // 2), min(maps - 1, i + n // 2)
        s[..., i] = k
        for j in range(first, last + 1):
            s[..., i] += alpha * a[..., j] ** 2
    return a / s**beta, s


def formula_gradient(a, db, n, k, alpha, beta):
    """Gradient of sum(b * db), term by term of the Jacobian."""
    a, db = np.asarray(a, np.float64), np.asarray(db, np.float64)
    _, s = formula(a, n, k, alpha, beta)
    da = db / s**beta
    maps = a.shape[-1]
    for i in range(maps):
        for j in range(max(0, i - n // 2), min(maps - 1, i + n // 2) + 1):
            slope = -beta * s[..., i] ** (-beta - 1) * alpha * 2 * a[..., j]
            da[..., j] += db[..., i] * a[..., i] * slope
    return da


def value_and_gradient(function, a, db):
    a = tf.constant(a)
    with tf.GradientTape() as tape:
        tape.watch(a)
        b = function(a)
    return b.numpy(), tape.gradient(b, a, tf.constant(db)).numpy()


def relative_error(ours, expected):
    expected = np.asarray(expected, np.float64)
    return np.abs(ours - expected).max() / np.abs(expected).max()


both_ways = pytest.mark.parametrize("compiled", [False, True])


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_the_gradient_oracle_is_the_slope_of_the_formula(random):
    a, db = random.normal(0, 100, (2, 3, 7)), random.normal(size=(2, 3, 7))
    direction = random.normal(size=a.shape)
    step = 1e-4 * direction

    def projected(a):
        return (formula(a, **PAPER)[0] * db).sum()

    slope = (projected(a + step) - projected(a - step)) / 2e-4
    expected = (formula_gradient(a, db, **PAPER) * direction).sum()
    assert slope == pytest.approx(expected, rel=1e-6)


@both_ways
@pytest.mark.parametrize("magnitude", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("beta", [0.75, 0.5])
@pytest.mark.parametrize("n", [3, 5, 7])
def test_value_and_gradient_follow_the_formula(
    random, n, beta, magnitude, compiled
):
    # As after a ReLU: half of the activations are zero.
    a = np.maximum(random.normal(0, magnitude, (4, 6, 6, 16)), 0)
    a = a.astype(np.float32)
    db = random.normal(size=a.shape).astype(np.float32)
    constants = {**PAPER, "n": n, "beta": beta}
    b, da = value_and_gradient(
        lambda a: local_response_normalization(
            a, **constants, compiled=compiled
        ),
        a,
        db,
    )
    assert relative_error(b, formula(a, **constants)[0]) <= 1e-6
    assert relative_error(da, formula_gradient(a, db, **constants)) <= 1e-6


@both_ways
@pytest.mark.parametrize("maps", [1, 2, 3, 12])
def test_windows_end_at_the_first_and_last_map(maps, compiled):
    # One map at a time is on, where it alone can be the cause.
    a = np.full((maps, maps), 1.0, np.float32) + 200 * np.eye(
        maps, dtype=np.float32
    )
    b = local_response_normalization(a, **PAPER, compiled=compiled).numpy()
    expected = formula(a, **PAPER)[0]
    np.testing.assert_allclose(b, expected, rtol=1e-6)
    # Two maps to either side feel it and no other.
    alone = 1.0 / (2 + 1e-4 * np.minimum(5, maps)) ** 0.75
    for on in range(maps):
        for i in range(maps):
            if i != on and abs(i - on) > 2:
                assert b[on, i] == pytest.approx(alone, rel=1e-4)
            elif i != on:
                assert b[on, i] < 0.6 * alone


@pytest.mark.parametrize("magnitude", [1.0, 1e3])
@pytest.mark.parametrize("maps", [3, 48, 128])
def test_equals_the_operation_of_tensorflow(random, maps, magnitude):
    a = random.normal(0, magnitude, (2, 5, 5, maps)).astype(np.float32)
    db = random.normal(size=a.shape).astype(np.float32)
    b, da = value_and_gradient(local_response_normalization, a, db)
    theirs = value_and_gradient(
        lambda a: tf.nn.local_response_normalization(
            a, depth_radius=2, bias=2, alpha=1e-4, beta=0.75
        ),
        a,
        db,
    )
    assert relative_error(b, theirs[0]) <= 1e-6
    assert relative_error(da, theirs[1]) <= 1e-6


@pytest.mark.parametrize(
    ("dtype", "half_unit"), [("float16", 2.0**-11), ("bfloat16", 2.0**-8)]
)
@both_ways
def test_low_precision_is_rounded_only_at_the_end(
    random, dtype, half_unit, compiled
):
    # 1000 squared overflows float16, and arithmetic in either type would be
    # off by several units; rounding once is off by half a unit at most.
    a = tf.cast(random.normal(0, 1000, (2, 4, 4, 16)), dtype)
    db = tf.cast(random.normal(size=a.shape), dtype)
    b, da = value_and_gradient(
        lambda a: local_response_normalization(a, compiled=compiled), a, db
    )
    assert b.dtype == da.dtype == a.dtype.as_numpy_dtype
    a, db = (np.float64(tensor) for tensor in (a, db))
    expected = formula(a, **PAPER)[0]
    np.testing.assert_array_less(
        np.abs(np.float64(b) - expected), 1.001 * half_unit * np.abs(expected)
    )
    gradient = formula_gradient(a, db, **PAPER)
    error = np.abs(np.float64(da) - gradient).max()
    assert error <= 1.001 * half_unit * np.abs(gradient).max()


def rounded_to_tf32(x):
    """The nearest number with 10 bits behind the point, as tensor cores do."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


def test_products_in_parts_stay_exact_where_a_gpu_rounds_factors(
    random, monkeypatch
):
    a = np.maximum(random.normal(0, 100, (4, 6, 6, 48)), 0).astype(np.float32)
    db = random.normal(size=a.shape).astype(np.float32)
    exact = tf.matmul
    monkeypatch.setattr(
        tf,
        "matmul",
        lambda x, y: exact(rounded_to_tf32(x), rounded_to_tf32(y)),
    )
    errors = {}
    for in_parts in (False, True):
        b, da = value_and_gradient(
            lambda a, in_parts=in_parts: local_response_normalization(
                a, **PAPER, in_parts=in_parts
            ),
            a,
            db,
        )
        errors[in_parts] = (
            relative_error(b, formula(a, **PAPER)[0]),
            relative_error(da, formula_gradient(a, db, **PAPER)),
        )
    assert max(errors[True]) <= 1e-6  # as without TF32, above
    assert min(errors[False]) > 1e-5  # or the parts would prove nothing


@pytest.mark.parametrize(
    ("device", "enabled", "expected"),
    [
        ("/GPU:1", True, True),
        ("/GPU:1", False, False),
        ("/CPU:1", True, False),
        (None, True, False),  # there is no GPU
    ],
)
def test_products_are_in_parts_where_they_may_be_rounded(
    monkeypatch, device, enabled, expected
):
    monkeypatch.setattr(
        tf.config.experimental,
        "tensor_float_32_execution_enabled",
        lambda: enabled,
    )
    with placement((device, device)):
        assert TowerLRN().products_may_be_rounded == expected


@pytest.fixture
def two_towers(random):
    return [
        random.normal(0, 300, (2, 3, 3, 6)).astype(np.float32) for _ in "01"
    ]


def test_scope_layer_normalizes_the_joined_maps(two_towers):
    joined = TowerLRN(scope="layer")(two_towers)
    expected = formula(np.concatenate(two_towers, axis=-1), **PAPER)[0]
    for ours, part in zip(joined, np.split(expected, 2, axis=-1), strict=True):
        np.testing.assert_allclose(ours, part, rtol=1e-6)


def test_scope_tower_normalizes_each_tower_by_itself(two_towers):
    separate = TowerLRN(scope="tower")(two_towers)
    joined = formula(np.concatenate(two_towers, axis=-1), **PAPER)[0]
    parts = np.split(joined, 2, axis=-1)
    for ours, own, part in zip(separate, two_towers, parts, strict=True):
        np.testing.assert_allclose(ours, formula(own, **PAPER)[0], rtol=1e-6)
        # Where the towers meet the two scopes must differ.
        assert relative_error(ours.numpy(), part) > 1e-2


def test_scope_tower_has_no_gradient_across(two_towers):
    first, second = map(tf.constant, two_towers)
    layer = TowerLRN(scope="tower")
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        b = layer([first, second])[0]
    own, other = tape.gradient(b, [first, second])
    assert np.abs(own).max() > 0
    assert other is None


def test_the_layer_passes_its_constants_on(two_towers):
    constants = {"n": 3, "k": 1.0, "alpha": 2e-4, "beta": 0.5}
    outputs = TowerLRN(**constants)(two_towers)
    for ours, own in zip(outputs, two_towers, strict=True):
        expected = formula(own, **constants)[0]
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_an_unknown_scope_is_refused():
    with pytest.raises(ValueError, match="tower or layer, not network"):
        TowerLRN(scope="network")


@both_ways
def test_what_is_not_finite_stays_so(random, compiled):
    """XLA could be told that there is no such thing."""
    a = random.normal(0, 30, (2, 3, 3, 8)).astype(np.float32)
    db = random.normal(size=a.shape).astype(np.float32)
    a[0, 1, 1, 4], db[1, 2, 0, 3] = np.nan, np.inf
    b, da = value_and_gradient(
        lambda a: local_response_normalization(a, compiled=compiled), a, db
    )
    # The product with a band matrix takes it to all maps of the pixel.
    assert set(np.argwhere(np.isnan(b))[:, -1]) >= {2, 3, 4, 5, 6}
    assert np.isnan(da[0, 1, 1, 4])
    assert not np.isfinite(da[1, 2, 0, 3])


def programs_of(layer, training):
    """Names of the functions that a call of the layer runs."""

    @tf.function
    def call(maps):
        return layer(maps, training=training)

    graph = call.get_concrete_function(
        [tf.TensorSpec((2, 3, 3, 6)), tf.TensorSpec((2, 3, 3, 6))]
    ).graph
    return [
        node
        for node in graph.as_graph_def().node
        if node.attr["_XlaMustCompile"].b
    ]


@pytest.mark.parametrize("scope", ["tower", "layer"])
def test_only_training_is_compiled_and_only_where_nothing_is_pinned(scope):
    """No server of models can be expected to have XLA."""
    layer = TowerLRN(scope=scope)
    assert programs_of(layer, training=True)
    assert not programs_of(layer, training=False)
    with placement(("/CPU:0", "/CPU:0")):
        pinned = TowerLRN(scope=scope)
    assert not programs_of(pinned, training=True)
