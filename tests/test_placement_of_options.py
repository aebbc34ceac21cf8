"""What crosses between the towers of 2012's other experiments.

Read from the executed graph, as tests/test_placement.py does.
"""

import tensorflow as tf

from alexnet_tf.training.placement import SEND, GraphCollection, short
from benchmarks.executed_step import plain
from configs import paper
from tests.test_placement import (
    BATCH,
    DEFAULT,
    DEVICES,
    IMAGES,
    PINS,
    batches,
    step_of,
    trainer_on,
)

# What the default device sends to each tower for its images: these, their mean
# and what the lighting adds.
OF_IMAGES = {IMAGES, IMAGES[1:], (BATCH, 3)}


def narrow_model(**options):
    model = paper.get_config().model
    model.update_from_flattened_dict(
        {"width": 1 / 16, "num_classes": 10, **options}
    )
    return model


def tensors_of(step):
    """(sender, receiver, shape, dtype) of what crosses but single numbers."""
    return [
        (sender, receiver, shape, dtype)
        for sender, receiver, _, shape, dtype in step.transfers()
        if shape != () and dtype != tf.int64  # labels
    ]


def between_towers(step):
    return [
        (shape, dtype)
        for sender, receiver, shape, dtype in tensors_of(step)
        if {sender, receiver} == set(DEVICES)
    ]


def weight_shapes(step):
    kernels = step.trainer.trainable_variables
    return {tuple(k.shape) for k in kernels if len(k.shape) > 1}


def test_towers_of_150_exchange_nothing_below_fc8():
    model = narrow_model(exchange=("fc8",), units=8192, fc7_units=4096)
    step = step_of(model)
    shape = (BATCH, step.trainer.network.get_layer("fc7").output[0].shape[1])
    assert shape == (BATCH, 128)
    # The second tower's fc7 to the first, and its gradient back.
    assert between_towers(step) == [(shape, tf.float32)] * 2
    # Nor by way of the default device: there images and logits alone pass.
    default = {
        shape for *devices, shape, _ in tensors_of(step) if DEFAULT in devices
    }
    assert default == OF_IMAGES | {(BATCH, 10)}
    for (_, tower, what), devices in step.heavy_operations().items():
        if what != "product" or tower is not None:
            assert set(devices) == {DEVICES[tower]}


def test_divided_logits_stay_on_their_towers():
    model = narrow_model(
        num_classes=11,
        split_softmax=True,
        bottleneck=512,
        exchange=("conv3", "fc6", "fc7", "bottleneck", "fc8"),
    )
    step = step_of(model)
    # 11 classes are in no other shape; the labels are below 10.
    logits = {(BATCH, 5), (BATCH, 6), (BATCH, 11)}
    get_layer = step.trainer.network.get_layer
    fc8 = get_layer("fc8")
    assert [k.shape[1] for k in fc8.kernels] == [5, 6]
    crossing = {shape for *_, shape, _ in tensors_of(step)}
    exchanged = {
        (BATCH, *get_layer(name).output[0].shape[1:])
        for name in ("pool2", "pool5", "drop6", "drop7", "bottleneck")
    }
    assert not logits & exchanged
    # Of a softmax: numbers per image, and two of them stacked.
    scalars = {(BATCH,), (2, BATCH), (BATCH, 1)}
    assert crossing <= exchanged | scalars | OF_IMAGES
    assert not crossing & (logits | weight_shapes(step))
    # The product of each part and its gradients, on its own tower.
    for tower, device in enumerate(DEVICES):
        assert step.heavy_operations()["fc8", tower, "product"] == [device] * 4


def test_a_sixth_convolution_runs_on_its_towers():
    model = narrow_model(
        conv6=256, exchange=("conv3", "conv6", "fc6", "fc7", "fc8")
    )
    step = step_of(model)
    found = step.heavy_operations()
    for tower, device in enumerate(DEVICES):
        for what in ("convolution", "kernel gradient", "input gradient"):
            assert found["conv6", tower, what] == [device]
    assert not {s for *_, s, _ in tensors_of(step)} & weight_shapes(step)


def test_what_crosses_in_16_bits_does_so_both_ways():
    step = step_of(narrow_model(exchange_precision="float16"))
    get_layer = step.trainer.network.get_layer
    expected = []
    for name in ("pool2", "pool5", "drop6"):
        shape = (BATCH, *get_layer(name).output[0].shape[1:])
        expected += [(shape, tf.float16)] * 4  # there and back, both towers
    shape = (BATCH, *get_layer("drop7").output[0].shape[1:])
    expected += [(shape, tf.float16)] * 2  # fc8 is on the first tower
    assert sorted(between_towers(step), key=str) == sorted(expected, key=str)
    # And none of it takes the way over the default device.
    for *devices, shape, dtype in tensors_of(step):
        if DEFAULT in devices:
            assert shape in OF_IMAGES | {(BATCH, 10)}, dtype


def test_averages_stay_beside_their_weights():
    step = step_of(narrow_model(), weight_average=0.9)
    assert not {s for *_, s, _ in tensors_of(step)} & weight_shapes(step)
    updates = [
        short(node.device)
        for node in step.nodes
        if node.op == "ResourceApplyGradientDescent"
        and "/paper_sgd/" not in node.name
    ]
    of_weights = [
        short(v.value.device) for v in step.trainer.network.trainable_variables
    ]
    assert sorted(updates) == sorted(of_weights)


def sent_in_validation(weight_average):
    """(sender, receiver, what) of all that crosses, sorted."""
    trainer = trainer_on(narrow_model(), PINS, weight_average)
    with GraphCollection() as collection:
        trainer.evaluate(batches(1), verbose=0)
    return sorted(
        (
            short(node.device),
            short(node.attr["recv_device"].s.decode()),
            plain(node.input[0]),
        )
        for nodes in collection.functions
        for node in nodes
        if node.op in SEND
    )


def test_a_validation_of_averages_sends_what_one_of_the_weights_does():
    sent = sent_in_validation(weight_average=0.9)
    assert len(sent) > 8
    assert sent == sent_in_validation(weight_average=0.0)
