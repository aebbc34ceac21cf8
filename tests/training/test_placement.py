"""The placement report against what the shapes of the layers imply."""

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from alexnet_tf.training import loss_scale
from alexnet_tf.training.placement import (
    GraphCollection,
    PlacementReport,
    as_json,
    placement_lines,
    placement_of_small_step,
    step_placement,
)
from tests.slow import slow
from tests.training.narrow import fit, narrow_trainer, random_batches

PINS = "CPU:1,CPU:2"  # the default device is CPU:0
BATCH = 6
FLOAT = 4
# Numbers per image that a tower sends where the towers meet.
POOL2, POOL5, DROP = 13 * 13 * 8, 6 * 6 * 8, 128
EXCHANGED = POOL2 + POOL5 + DROP
IMAGE, LOGITS = 224 * 224 * 3, 10
# Weights and biases of a tower, fc8 apart.
TOWER = sum(
    rows * columns + columns
    for rows, columns in (
        *((11 * 11 * 3, 3), (5 * 5 * 3, 8), (3 * 3 * 16, 12)),
        *((3 * 3 * 12, 12), (3 * 3 * 12, 8)),
        *((6 * 6 * 16, 128), (256, 128)),
    )
)
FC8 = 256 * 10 + 10
# Of float32 at once test_the_first_step_prints_the_table_once tells, too.
CASES = [
    ("bfloat16", 1),
    slow("float16", 3),
    slow("float32", 1),
    slow("float32", 3),
]


def traffic_from_shapes(precision, parts, batch):
    """{(from, to): (tensors, bytes)}."""
    size = FLOAT if precision == "float32" else 2
    scaled = precision == "float16"
    loop = parts > 1
    way = {
        # Crops in 8 bits, the lighting of each image; the mean image; dlogits;
        # the learning rate.
        (0, 1): (IMAGE + (3 + LOGITS) * FLOAT, 4, 1),
        (0, 2): (IMAGE + 3 * FLOAT, 3, 1),
        # Logits.
        (1, 0): (LOGITS * FLOAT, 1, 0),
        (2, 0): (0, 0, 0),
        # The exchange and its gradients; the second tower's drop7 there, its
        # gradient back.
        (1, 2): ((2 * EXCHANGED + DROP) * size, 7, 0),
        (2, 1): ((2 * EXCHANGED + DROP) * size, 7, 0),
    }
    expected = {}
    for (sender, receiver), (of_image, tensors, rate) in way.items():
        tensors = tensors * parts + rate
        count = of_image * batch + rate * FLOAT
        if sender == 0:
            count += IMAGE * FLOAT * parts
        if sender == 0 and loop:  # number of the part; go on or not
            tensors, count = tensors + parts + 1, count + 4 * parts + 1
        if sender == 0 and scaled:  # scale; whether all is finite
            tensors, count = tensors + 2, count + FLOAT + 1
        if receiver == 0:  # whether a gradient is finite; otherwise conv1's
            gradients = {1: 16, 2: 14}[sender] if scaled else 1
            tensors, count = tensors + gradients, count + gradients
        expected[f"CPU:{sender}", f"CPU:{receiver}"] = (tensors, count)
    return expected


def devices_from_shapes(precision, parts):
    """{device: (variables, bytes, products)}."""
    scaled = precision == "float16"
    copies = 2 if parts == 1 else 3  # weights, velocities, sums
    draws = 2  # int64, of drop6 and drop7
    # conv: forward, kernels, biases and, but for conv1, inputs; fc; LRN.
    products = 5 + 5 + 5 + 4 + 2 * 4 + 2 * 2
    # Mean, components, lighting's index, learning rate, iterations.
    common = (IMAGE + 9) * FLOAT + 8 + FLOAT + 8
    return {
        "CPU:0": (5 + 2 * scaled, common + 12 * scaled, parts),
        "CPU:1": (
            16 * copies + draws,
            (TOWER + FC8) * FLOAT * copies + 8 * draws,
            (products + 4) * parts,
        ),
        "CPU:2": (
            14 * copies + draws,
            TOWER * FLOAT * copies + 8 * draws,
            products * parts,
        ),
    }


def placement_of(trainer):
    collection = GraphCollection()
    collection.begin()
    fit(trainer, random_batches(1, BATCH))
    collection.end()
    return step_placement(trainer, collection.functions, BATCH)


def traffic_of(placement):
    assert not any(t.unknown for t in placement.traffic.values())
    return {
        way: (traffic.tensors, traffic.bytes)
        for way, traffic in placement.traffic.items()
    }


@pytest.mark.parametrize(("precision", "parts"), CASES)
def test_all_that_crosses_follows_from_the_shapes(precision, parts):
    placement = placement_of(narrow_trainer(precision, PINS, accumulate=parts))
    expected = traffic_from_shapes(precision, parts, BATCH)
    assert traffic_of(placement) == expected
    assert list(placement.traffic) == sorted(expected)
    assert {
        device: (share.variables, share.variable_bytes, share.products)
        for device, share in placement.devices.items()
    } == devices_from_shapes(precision, parts)
    for share in placement.devices.values():
        # Decay and velocity of each variable are operations too.
        assert share.operations > share.products + 2 * share.variables


@pytest.mark.parametrize("parts", [slow(1), 4])
def test_a_small_step_tells_of_a_large_one(parts):
    trainer = narrow_trainer(devices=PINS, accumulate=parts)
    placement = placement_of_small_step(trainer, 128)
    assert traffic_of(placement) == traffic_from_shapes("float32", parts, 128)


@pytest.mark.slow
def test_scaling_on_the_default_device_would_be_found(monkeypatch):
    def anywhere(function, gradients, variables):
        return [function(gradient) for gradient in gradients]

    monkeypatch.setattr(loss_scale, "_on_devices", anywhere)
    placement = placement_of(narrow_trainer("float16", PINS))
    expected = traffic_from_shapes("float16", 1, BATCH)
    for device, numbers in (("CPU:1", TOWER + FC8), ("CPU:2", TOWER)):
        way = (device, "CPU:0")
        more = placement.traffic[way].bytes - expected[way][1]
        assert more > 0.9 * numbers * FLOAT


@pytest.mark.slow
def test_both_towers_on_one_of_two_devices():
    placement = placement_of(narrow_trainer(devices="CPU:1,CPU:1"))
    assert set(placement.traffic) == {("CPU:0", "CPU:1"), ("CPU:1", "CPU:0")}


def test_the_first_step_prints_the_table_once(capsys):
    trainer = narrow_trainer(devices=PINS)
    report = PlacementReport(BATCH)
    for _ in range(2):
        fit(trainer, random_batches(2, BATCH), callbacks=[report])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"placement of a training step of {BATCH} images:"
    words = [line.split() for line in lines]
    devices = devices_from_shapes("float32", 1)
    for device, (variables, _, products) in devices.items():
        [row] = [w for w in words if w[0] == device and w[1] != "sends"]
        assert (int(row[1]), int(row[4])) == (variables, products)
    sent = traffic_from_shapes("float32", 1, BATCH)
    for (sender, receiver), (tensors, count) in sent.items():
        line = (
            f"  {sender} sends {count / 1e6:.2f} MB to {receiver}, in "
            f"{tensors} tensors"
        )
        assert lines.count(line) == 1
    assert len(lines) == 2 + len(devices) + len(sent)


@pytest.mark.slow
def test_without_pins_one_line_tells_where_the_variables_are(capsys):
    trainer = narrow_trainer()
    fit(trainer, random_batches(1, 2), callbacks=[PlacementReport(2)])
    shares = devices_from_shapes("float32", 1).values()
    variables, sizes, _ = (sum(column) for column in zip(*shares, strict=True))
    assert capsys.readouterr().out == (
        f"placement: towers bound to no device, {variables} variables with "
        f"{sizes / 1e6:.2f} MB on CPU:0\n"
    )


@pytest.mark.slow
def test_sizes_that_are_not_known_are_counted_apart():
    trainer = narrow_trainer(devices=PINS)
    collection = GraphCollection()
    collection.begin()
    fit(trainer, random_batches(1, BATCH))
    collection.end()
    trainer.traced_graphs.clear()
    placement = step_placement(trainer, collection.functions, BATCH)
    expected = traffic_from_shapes("float32", 1, BATCH)
    for way, traffic in placement.traffic.items():
        assert (traffic.unknown, traffic.bytes) == (expected[way][0], 0)
    text = "\n".join(placement_lines(placement))
    assert "in 0 tensors, 5 more of unknown size" in text
    assert as_json(placement)["traffic"][0] == {
        **{"from": "CPU:0", "to": "CPU:1"},
        **{"tensors": 5, "bytes": 0, "unknown": 5},
    }


def test_nothing_is_collected_after_a_step_that_failed():
    report = PlacementReport(BATCH)
    report.set_model(narrow_trainer(devices=PINS))
    report.on_train_begin()
    report.on_train_batch_begin(0)
    report.close()
    tf.function(lambda: tf.constant(1) + 1)()
    assert not context.context().export_run_metadata().function_graphs
