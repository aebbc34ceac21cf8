"""The rows of `benchmarks.gpu_check`, each in a process of its own.

    python -m benchmarks.gpu_rows NAME SETTING

SETTING is a `gpu_check.Setting` in JSON. One line of what is printed is the
`Outcome` in JSON. On logical CPUs that stand in for GPUs the same code runs.
What compares weights names the bound that it was held to: LAYERS layers round
once forward and once backward.
"""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import tensorflow as tf

from alexnet_tf.analysis.layer_table import layer_table, training_memory
from alexnet_tf.data.image_set import select
from alexnet_tf.data.pipeline import TrainingBatches
from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.layers import normalization
from alexnet_tf.layers.towers import placement
from alexnet_tf.network import build_network, weighted_layers
from alexnet_tf.options import Options
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.placement import UNCOUNTED, short
from alexnet_tf.training.trainer import Trainer
from benchmarks.executed_step import (
    CONVOLUTIONS,
    UPDATE,
    ExecutedStep,
    allowed_shapes,
    expected_operations,
)
from benchmarks.gpu_check import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    ROOT,
    Outcome,
    Setting,
)
from benchmarks.scale import PEAK
from benchmarks.train_with_input import seconds
from configs import paper

LAYERS = 8
LR = 1e-3
LONGEST_SUM = 9216  # products in a sum of fc6
SMALL_SCALE = 128.0  # of the loss in float16
# Half the distance of 1 to the next number, relative.
ROUNDOFF = {
    "float32": 2.0**-24,
    "TF32": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float16": 2.0**-11,
}
# These launch no kernel: a variable is read in place, a shape is changed.
NO_KERNEL = (
    *("ReadVariableOp", "Identity", "IdentityN", "Reshape", "Squeeze"),
    *("ExpandDims", "Switch", "Merge", "VarHandleOp", "StopGradient"),
)
MOST_OVER_ESTIMATE = 2.0  # of memory; the rest of it is workspace
EXPORTED_IMAGES = 16
STEPS_AT_ONCE = 8
# Side, maps in, kernels, side of a kernel: conv2, conv3, conv4.
TOWER_CONVOLUTIONS = ((27, 48, 128, 5), (13, 256, 192, 3), (13, 192, 192, 3))
LRN_MAPS = {"stand_in": (2, 8, 8, 48), "gpu": (128, 55, 55, 48)}


def main():
    name, values = sys.argv[1:]
    setting = Setting.from_json(values)
    if setting.stand_in:
        tf.config.set_visible_devices([], "GPU")
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()]
            * (1 + len(setting.devices)),
        )
    with contextlib.redirect_stdout(sys.stderr):
        outcome = ROWS[name](setting)
    print(json.dumps(dataclasses.asdict(outcome)))


def devices(setting):
    """What TensorFlow was built for, and the GPUs that it sees."""
    built = tf.sysconfig.get_build_info()
    versions = (
        f"TensorFlow {tf.__version__} for CUDA "
        f"{built.get('cuda_version', 'none')} and cuDNN "
        f"{built.get('cudnn_version', 'none')}"
    )
    if setting.stand_in:
        return Outcome(
            NOT_APPLICABLE,
            f"{len(setting.devices)} logical CPUs stand in for GPUs; "
            f"{versions}.",
            {"stand_in": True},
        )
    gpus = [
        tf.config.experimental.get_device_details(gpu)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    names = [gpu.get("device_name", "a GPU without a name") for gpu in gpus]
    numbers = {"gpus": names, "versions": versions}
    files = any(pathlib.Path("/dev").glob("nvidia[0-9]*"))
    if not gpus and files:
        return Outcome(
            FAIL,
            "This machine has an NVIDIA device and TensorFlow finds none: "
            "install requirements.txt, not requirements-cpu.txt, and look at "
            f"the driver; {versions}.",
            numbers,
        )
    if not gpus:
        return Outcome(
            NOT_APPLICABLE, f"This machine has no GPU; {versions}.", numbers
        )
    capabilities = {
        ".".join(map(str, gpu.get("compute_capability", ()))) for gpu in gpus
    }
    return Outcome(
        PASS,
        f"{', '.join(names)}, compute capability "
        f"{', '.join(sorted(capabilities))}; {versions}.",
        numbers,
    )


def make_network(setting, pins=None, precision="float32"):
    """A network all of whose layers learn.

    He's deviation for all but conv1, which reads pixels: under the paper's
    0.01 the upper layers hardly differ between images at the start.
    """
    model = paper.get_config().model
    model.width, model.num_classes = setting.width, setting.classes
    with placement(pins or (None, None)):
        network = build_network(model, precision=precision)
    for layer in weighted_layers(network)[1:]:
        for kernel in layer.kernels:
            inputs = math.prod(kernel.shape[:-1])
            scale = math.sqrt(2 / inputs) / layer.weight_std
            kernel.assign(kernel.numpy() * scale)
    random = np.random.default_rng(3)
    network.get_layer("mean").set_mean(random.uniform(90, 140, (256, 256, 3)))
    return network


def make_trainer(setting, pins=None, precision="float32", **options):
    """A `Trainer` of such a network."""
    network = make_network(setting, pins, precision)
    return Trainer(network, PaperSGD(LR), **options)


def batches(setting, count=1, size=None):
    """Dataset of `count` batches of noise."""
    random = np.random.default_rng(0)
    size = size or setting.batch
    crop = paper.get_config().model.crop
    shape = (count, size, crop, crop, 3)
    images = random.integers(0, 256, shape, np.uint8)
    labels = random.integers(0, setting.classes, (count, size))
    return tf.data.Dataset.from_tensor_slices((images, labels))


def pinned_to(names):
    """Device strings of the towers."""
    return tuple(f"/{name}" for name in names[:2])


def executed_step(setting):
    """An `ExecutedStep` of towers on two devices, at a narrow width.

    Where operations run does not depend on the width.
    """
    narrow = dataclasses.replace(setting, width=1 / 16, batch=5)
    trainer = make_trainer(narrow, pinned_to(setting.devices))
    return ExecutedStep(trainer, batches(narrow))


def default_device():
    """Where TensorFlow puts what nobody has placed."""
    return short(tf.Variable(0.0).device)


def placement_row(setting):
    """Variables, forward, backward, velocities and updates."""
    step = executed_step(setting)
    towers = setting.devices[:2]
    wrong = []
    found = step.heavy_operations()
    expected = expected_operations(towers, default_device())
    for key in expected.keys() | found.keys():
        if set(found.get(key, ())) != set(expected.get(key, ())):
            layer, tower, kind = key
            wrong.append(f"{kind} of {layer}, tower {tower}")
    trainer = step.trainer
    variables = trainer.network.trainable_variables
    velocities = trainer.optimizer.velocities
    for variable, velocity in zip(variables, velocities, strict=True):
        for name, held in ((variable.path, variable), ("velocity", velocity)):
            if short(held.value.device) != towers[int(variable.path[-1])]:
                wrong.append(f"{name} of {variable.path}")
    updates = step.updates()
    if len(updates) != len(variables):
        wrong.append(f"{len(variables) - len(updates)} missing updates")
    for name, operations in updates.items():
        made = {operation for operation, _ in operations}
        places = {place for _, place in operations}
        if places != {towers[int(name[-1])]} or not made >= set(UPDATE):
            wrong.append(f"update of {name}")
    if wrong:
        return Outcome(FAIL, f"Elsewhere: {'; '.join(wrong)}.")
    products = sum(map(len, found.values()))
    return Outcome(
        PASS,
        f"{products} products, {2 * len(variables)} weights and velocities and "
        f"{len(updates)} updates are on {towers[0]} and {towers[1]}, each on "
        "its tower's.",
        {"products": products, "updates": len(updates)},
    )


def crossing(setting):
    """Bytes an image, by their way."""
    step = executed_step(setting)
    batch = 5
    allowed = allowed_shapes(step.trainer, batch)
    transfers = step.transfers()
    known = [t for t in transfers if t.shape is not None]
    wrong = [t for t in known if t.shape not in allowed and not _is_short(t)]
    if wrong:
        names = "; ".join(f"{t.name} {t.shape}" for t in wrong[:5])
        return Outcome(FAIL, f"More crosses than it should: {names}.")
    crop = paper.get_config().model.crop
    image = (batch, crop, crop, 3)
    second = setting.devices[1]
    wide = [
        t
        for t in transfers
        if t.shape == image and t.receiver == second and t.dtype != tf.uint8
    ]
    if wide:
        return Outcome(FAIL, f"Crops cross as {wide[0].dtype.name}.")
    of_way = {}
    for transfer in known:
        way = f"{transfer.sender} to {transfer.receiver}"
        size = math.prod(transfer.shape or ()) * transfer.dtype.size
        of_way[way] = of_way.get(way, 0) + size
    told = ", ".join(f"{way} {size:,} bytes" for way, size in of_way.items())
    # Such as what Grappler has transposed on its way.
    unknown = [t.name for t in transfers if t.shape is None]
    if unknown:
        told += f", and {len(unknown)} of unknown size: {', '.join(unknown)}"
    return Outcome(
        PASS,
        "Crops as bytes, their mean, exchanges, gradients of these, logits "
        f"and single numbers, of {batch} images at 1/16 of the width: {told}.",
        of_way,
    )


def _is_short(transfer):
    """Whether it is a shape or a seed: a few whole numbers, no weight."""
    return transfer.dtype.is_integer and math.prod(transfer.shape or ()) <= 16


def weights(trainer):
    """All trainable numbers, float64."""
    return np.concatenate(
        [
            v.numpy().astype(np.float64).ravel()
            for v in trainer.network.trainable_variables
        ]
    )


def moved(trainer, data):
    """How far steps on a dataset move the weights: a vector."""
    start = weights(trainer)
    trainer.fit(data, shuffle=False, verbose=0)
    return weights(trainer) - start


def apart(ours, theirs):
    """The difference of two movements over the length of the second."""
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def held_to(difference, bound, what, **numbers):
    """An `Outcome` of a relative difference of movements."""
    verdict = PASS if difference <= bound else FAIL
    return Outcome(
        verdict,
        f"{what} differ by {difference:.1e} of their length; the bound of "
        f"rounding is {bound:.1e}.",
        {"difference": difference, "bound": bound, **numbers},
    )


def rounding_bound(steps):
    """Of the relative difference of two movements in float32."""
    return 2 * LAYERS * steps * math.sqrt(LONGEST_SUM) * ROUNDOFF["float32"]


def pinned(setting):
    """Weights of pinned and of unpinned towers."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    data = batches(setting, setting.steps)
    theirs = moved(make_trainer(setting), data)
    ours = moved(make_trainer(setting, pinned_to(setting.devices)), data)
    return held_to(
        apart(ours, theirs),
        rounding_bound(setting.steps),
        f"The moves of {setting.steps} steps, pinned and unpinned,",
    )


def precisions(setting):
    """One step in each precision against float32 on the CPU.

    Rounding decides who learns where two maps are nearly equal under a pool or
    one is nearly zero. How often that happens goes with the rounding, and each
    time adds as much, so the difference, a root of squares, goes with its root.
    The measure is the CPU's own bfloat16: twice what it differs by is allowed,
    in others times the root of how much less they round.
    """
    data = batches(setting)
    device = f"/{setting.devices[0]}"

    def step(device, precision):
        trainer = make_trainer(setting, (device,) * 2, precision)
        if trainer.loss_scale:
            # The first scale overflows at once, and such a step moves nothing.
            trainer.loss_scale.weights[0].assign(SMALL_SCALE)
        return moved(trainer, data)

    exact = step("/CPU:0", "float32")
    of_bfloat16 = apart(step("/CPU:0", "bfloat16"), exact)
    told, differences, wrong = [], {}, False
    for name, roundoff in ROUNDOFF.items():
        tf.config.experimental.enable_tensor_float_32_execution(name == "TF32")
        found = apart(
            step(device, "float32" if name == "TF32" else name), exact
        )
        if name == "float32":
            roundoff *= math.sqrt(LONGEST_SUM)  # as sums of so many have
        bound = 2 * of_bfloat16 * math.sqrt(roundoff / ROUNDOFF["bfloat16"])
        told.append(f"{name} {found:.1e} (bound {bound:.1e})")
        differences[name] = found
        wrong |= not found <= bound
    return Outcome(
        FAIL if wrong else PASS,
        "A step's movement apart from the CPU's in float32: "
        f"{', '.join(told)}.",
        differences,
    )


def lrn(setting):
    """Errors against float64 and times of the ways to compute LRN."""
    shape = LRN_MAPS["stand_in" if setting.stand_in else "gpu"]
    tf.config.experimental.enable_tensor_float_32_execution(True)
    maps = tf.nn.relu(tf.random.stateless_normal(shape, (0, 0)) * 100)
    few = maps[:2].numpy().astype(np.float64)
    squares = np.pad(few**2, [(0, 0)] * 3 + [(2, 2)])
    sums = sum(squares[..., i : i + shape[-1]] for i in range(5))
    exact = few / (2 + 1e-4 * sums) ** 0.75
    ways = {
        "in parts": lambda a: normalization.local_response_normalization(
            a, in_parts=True
        ),
        "as one product": normalization.local_response_normalization,
        "tf.nn": lambda a: tf.nn.local_response_normalization(
            a, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75
        ),
        "XLA": lambda a: normalization.local_response_normalization(
            a, compiled=True
        ),
    }
    errors, times = {}, {}
    with tf.device(f"/{setting.devices[0]}"):
        for name, way in ways.items():
            program = tf.function(_with_gradient(way))
            try:
                b, _ = program(maps)
            except (tf.errors.OpError, ValueError) as error:
                times[name] = None
                errors[name] = str(error).splitlines()[0][:100]
                continue
            ours = b[:2].numpy()
            errors[name] = float(np.abs(ours - exact).max() / exact.max())
            start = time.perf_counter()
            for _ in range(setting.timed):
                _, gradient = program(maps)
            gradient[0, 0, 0, 0].numpy()
            times[name] = (time.perf_counter() - start) / setting.timed
    told = ", ".join(
        f"{name} {errors[name]:.1e} in {1e3 * span:.2f} ms"
        if span is not None
        else f"{name} cannot run ({errors[name]})"
        for name, span in times.items()
    )
    bound = 1e-6
    return Outcome(
        PASS if errors["in parts"] <= bound else FAIL,
        "Error against float64, and forward with backward pass: "
        f"{told}; training here has it in parts, bound {bound:.0e}.",
        {"errors": errors, "seconds": times},
    )


def layout(setting):
    """Time of convolutions of one tower in both layouts of maps."""
    times = {}
    for dtype in ("float32", "bfloat16"):
        for name in ("NHWC", "NCHW"):
            way = f"{dtype} in {name}"
            try:
                times[way] = _seconds_of_convolutions(setting, dtype, name)
            except (tf.errors.OpError, ValueError):
                times[way] = None
    told = ", ".join(
        f"{way} cannot run" if span is None else f"{way} {1e3 * span:.2f} ms"
        for way, span in times.items()
    )
    return Outcome(
        PASS,
        "Forward and backward pass of conv2, conv3 and conv4, as TensorFlow "
        f"optimizes them: {told}; the program has NHWC.",
        times,
    )


def _seconds_of_convolutions(setting, dtype, data_format):
    total = 0.0
    for side, inputs, kernels, size in TOWER_CONVOLUTIONS:
        inputs, kernels = (
            max(1, round(n * setting.width)) for n in (inputs, kernels)
        )
        shape = (setting.batches[0], side, side, inputs)
        if data_format == "NCHW":
            shape = (setting.batches[0], inputs, side, side)
        with tf.device(f"/{setting.devices[0]}"):
            maps = tf.cast(tf.random.stateless_normal(shape, (0, 0)), dtype)
            kernel = tf.random.stateless_normal(
                (size, size, inputs, kernels), (0, 1)
            )
            kernel = tf.cast(kernel, dtype)

            @tf.function
            def step(maps, kernel):
                with tf.GradientTape() as tape:
                    tape.watch((maps, kernel))
                    found = tf.nn.conv2d(maps, kernel, 1, "SAME", data_format)
                return tape.gradient(found, (maps, kernel))

            step(maps, kernel)
            start = time.perf_counter()
            for _ in range(setting.timed):
                _, gradient = step(maps, kernel)
            gradient[0, 0, 0, 0].numpy()
            total += (time.perf_counter() - start) / setting.timed
    return total


def _with_gradient(function):
    def both(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            output = function(maps)
        return output, tape.gradient(output, maps)

    return both


def fixed_input(setting, size):
    """Iterator of one batch, over and over."""
    return iter(batches(setting, 1, size).cache().repeat())


def images_per_second(setting, trainer, size, iterator=None):
    """Speed of training steps."""
    trainer.make_train_function()
    iterator = iterator or fixed_input(setting, size)
    seconds(trainer, iterator, 2)  # traces, and chooses algorithms
    return setting.timed * size / seconds(trainer, iterator, setting.timed)


def xla(setting):
    """Weights and speed of both ways."""
    tf.config.experimental.enable_tensor_float_32_execution(False)
    data = batches(setting)
    difference = apart(
        moved(make_trainer(setting, xla=True), data),
        moved(make_trainer(setting), data),
    )
    tf.config.experimental.enable_tensor_float_32_execution(True)
    size = setting.batches[0]
    speeds = {
        name: images_per_second(setting, make_trainer(setting, xla=on), size)
        for name, on in (("XLA", True), ("plain", False))
    }
    winner = max(speeds, key=lambda name: speeds[name])
    outcome = held_to(
        difference,
        rounding_bound(1),
        "The moves of a step, by XLA and plain,",
        **speeds,
        winner=winner,
    )
    told = ", ".join(f"{n} {s:,.0f} images/s" for n, s in speeds.items())
    reason = f"{outcome.reason} At batch {size}: {told}; {winner} wins."
    return dataclasses.replace(outcome, reason=reason)


def update(setting):
    """Time of the update alone, operation by operation and by XLA."""
    trainer = make_trainer(setting)
    variables = trainer.learning
    gradients = [tf.ones(v.shape) * 1e-3 for v in variables]

    # Without the count of steps, which need not be on the device.
    def apply():
        rate = tf.constant(LR)
        for gradient, variable in zip(gradients, variables, strict=True):
            trainer.optimizer.update_step(gradient, variable.value, rate)

    times = {}
    for name, compiled in (("plain", False), ("XLA", True)):
        program = tf.function(apply, jit_compile=compiled)
        program()
        start = time.perf_counter()
        for _ in range(setting.timed):
            program()
        variables[0].numpy()
        times[name] = (time.perf_counter() - start) / setting.timed
    winner = min(times, key=lambda name: times[name])
    return Outcome(
        PASS,
        f"{2 * len(variables)} kernels in {1e3 * times['plain']:.2f} ms, one "
        f"XLA program in {1e3 * times['XLA']:.2f} ms: {winner} wins.",
        {"seconds": times, "winner": winner},
    )


def launches(setting):
    """Operations of a step on one device, and time of a step of one image."""
    narrow = dataclasses.replace(setting, batch=1)
    step = ExecutedStep(make_trainer(narrow), batches(narrow))
    counted = [n.op for n in step.nodes if n.op not in UNCOUNTED]
    kernels = sum(op not in NO_KERNEL for op in counted)
    speed = images_per_second(narrow, make_trainer(narrow), 1)
    microseconds = 1e6 / speed / kernels
    return Outcome(
        PASS,
        f"{len(counted)} operations, {kernels} of them with a kernel; a step "
        f"of one image takes {1e3 / speed:.2f} ms, {microseconds:.1f} us a "
        "kernel.",
        {
            "operations": len(counted),
            "kernels": kernels,
            "microseconds_a_kernel": microseconds,
        },
    )


def determinism(setting):
    """Two runs with TF_DETERMINISTIC_OPS."""
    data = batches(setting, setting.steps)
    first, second = (moved(make_trainer(setting), data) for _ in range(2))
    equal = np.array_equal(first, second)
    return Outcome(
        PASS if equal else FAIL,
        f"After {setting.steps} steps with TF_DETERMINISTIC_OPS=1 the weights "
        f"are {'equal bit for bit' if equal else 'different'}.",
    )


def small_set(folder, count):
    """Prepares the first of the images that ship with the program.

    Args:
        folder: where the set is made.
        count: number of images to train on; a few more validate.

    Returns:
        The set's folder.
    """
    whole = load_embedded()
    assert whole.validation
    few = dataclasses.replace(
        whole,
        train=select(whole.train, 0, 0, count),
        validation=select(whole.validation, 0, 0, 8),
    )
    made = str(pathlib.Path(folder, "set"))
    prepare(few, made, "jpeg", 0.0)
    return made


def short_run(setting):
    """Values of a recipe for epochs of two steps."""
    return {
        "data.name": "prepared",
        "model.num_classes": 0,
        "model.width": setting.width,
        "train.lr_drop_epochs": (),
        "train.batch_size": setting.batch,
    }


def state_of(run):
    """All arrays of the newest state of a run folder."""
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    newest = max((run / "state").iterdir())
    with h5py.File(newest / "trainer.weights.h5") as content:
        content.visititems(collect)
    return arrays


def resume(setting):
    """A run of two epochs, and one of one that goes on for another."""
    from modes import train

    with tempfile.TemporaryDirectory() as folder:
        images = small_set(folder, 2 * setting.batch)
        whole, parts = pathlib.Path(folder, "a"), pathlib.Path(folder, "b")
        for run, epochs in ((whole, 2), (parts, 1), (parts, 2)):
            config = paper.get_config()
            config.update_from_flattened_dict(
                {**short_run(setting), "train.epochs": epochs}
            )
            options = Options(
                config=config,
                config_given=run.exists(),
                run=str(run),
                data_dir=images,
            )
            train.main(options)
        ours, theirs = state_of(parts), state_of(whole)
    differ = [
        name
        for name in theirs
        if not np.array_equal(ours[name], theirs[name], equal_nan=True)
    ]
    return Outcome(
        FAIL if differ or ours.keys() != theirs.keys() else PASS,
        f"{len(theirs) - len(differ)} of {len(theirs)} arrays of the state are "
        "equal bit for bit to those of a run that was not interrupted.",
    )


def workers(setting):
    """The same steps by one process and by two, a device each."""
    environment = {**os.environ, "NCCL_DEBUG": "INFO"}
    states, output = {}, ""
    with tempfile.TemporaryDirectory() as folder:
        images = small_set(folder, 2 * setting.batch)
        values = {**short_run(setting), "train.epochs": 1}
        for count in (1, 2):
            run = pathlib.Path(folder, str(count))
            command = [
                *(sys.executable, "main.py", "--mode=train", f"--run={run}"),
                *("--config=configs/paper.py", f"--data_dir={images}"),
                *(f"--workers={count}", "--tower_devices=none"),
                *(f"--config.{key}={value}" for key, value in values.items()),
            ]
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                lines = done.stderr.strip().splitlines() or ["nothing was said"]
                # The launcher's own line, which is last, names no cause.
                told = [line for line in lines if "Error" in line] or lines
                return Outcome(
                    FAIL, f"--workers={count} ended with: {told[-1][:300]}"
                )
            output = done.stdout + done.stderr
            states[count] = state_of(run)
    # The velocities: all that has moved, and nothing that stood before.
    names = [name for name in states[1] if name.startswith("optimizer/vars")]
    names = [name for name in names if states[1][name].ndim]
    ours, theirs = (
        np.concatenate([s[name].ravel().astype(np.float64) for name in names])
        for s in (states[2], states[1])
    )
    outcome = held_to(
        apart(ours, theirs),
        rounding_bound(2),
        "The velocities of two workers and of one",
    )
    by_nccl = bool(re.search("NCCL (INFO|version)", output))
    if not by_nccl and not setting.stand_in:
        return dataclasses.replace(
            outcome,
            verdict=FAIL,
            reason=f"NCCL took no part. {outcome.reason}",
        )
    through = "NCCL" if by_nccl else "gRPC"
    reason = f"Gradients go through {through}. {outcome.reason}"
    return dataclasses.replace(outcome, reason=reason)


def memory(setting):
    """Peak of the device's memory beside what --mode=inspect expects."""
    if setting.stand_in:
        return Outcome(
            NOT_APPLICABLE, "TensorFlow does not count the memory of CPUs."
        )
    size = setting.batches[0]
    trainer = make_trainer(setting)
    images_per_second(dataclasses.replace(setting, timed=2), trainer, size)
    peak = tf.config.experimental.get_memory_info(setting.devices[0])["peak"]
    held = training_memory(layer_table(trainer.network), size).total
    ratio = peak / held
    return Outcome(
        PASS if 0.5 <= ratio <= MOST_OVER_ESTIMATE else FAIL,
        f"A step of {size} images has a peak of {peak / 1e9:.2f} GB, "
        f"{ratio:.2f} of the estimate; 0.5 to {MOST_OVER_ESTIMATE:g} is "
        "taken as agreement.",
        {"peak_bytes": peak, "estimate": held, "ratio": ratio},
    )


TOUCH = """
import subprocess, tensorflow as tf
with tf.device("/GPU:0"):
    (tf.ones([256, 256]) @ tf.ones([256, 256])).numpy()
query = ["nvidia-smi", "--query-gpu=memory.used,memory.total", "--id=0",
         "--format=csv,noheader,nounits"]
print(subprocess.run(query, stdout=subprocess.PIPE, text=True).stdout.strip())
"""


def growth(setting):
    """Share of a GPU's memory that a small process takes."""
    if setting.stand_in:
        return Outcome(NOT_APPLICABLE, "CPUs have no memory to grow in.")
    shares = {}
    for asked in ("true", "false"):
        line = subprocess.run(
            [sys.executable, "-c", TOUCH],
            env={**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": asked},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.splitlines()[-1]
        used, total = map(float, line.split(","))
        shares[asked] = used / total
    return Outcome(
        PASS if shares["true"] < 0.5 * shares["false"] else FAIL,
        "A process that multiplies two small matrices holds "
        f"{shares['true']:.0%} of GPU 0 where TF_FORCE_GPU_ALLOW_GROWTH=true, "
        f"else {shares['false']:.0%}.",
        shares,
    )


@contextlib.contextmanager
def real_input(setting):
    """Yields a function: batch size -> dataset of crops from records."""
    with tempfile.TemporaryDirectory() as made:
        folder = setting.data_dir
        if folder is None:
            folder = small_set(made, 2 * max(setting.batches))
        source = load_prepared(folder)
        records = Records(source, source.train, cache_gb=0)
        yield lambda size: TrainingBatches(
            records,
            size,
            crop=paper.get_config().model.crop,
            seed=0,
            shuffle_buffer=2000,
        ).stream()


def training(setting, precision):
    """Speed with one batch and with real input, at each batch size."""
    trainer = make_trainer(setting, precision=precision)
    speeds = {}
    with real_input(setting) as stream:
        for size in setting.batches:
            speeds[size] = {
                "one batch": images_per_second(setting, trainer, size),
                "real input": images_per_second(
                    setting, trainer, size, iter(stream(size))
                ),
            }
    told = "; ".join(
        f"batch {size}: {both['one batch']:,.0f} images/s with one batch, "
        f"{both['real input']:,.0f} with real input"
        for size, both in speeds.items()
    )
    rows = layer_table(trainer.network)
    macs = sum(row.macs for row in rows)
    of_images = sum(row.macs for row in rows if row.layer == CONVOLUTIONS[0])
    operations = 2 * (3 * macs - of_images)
    best = max(both["one batch"] for both in speeds.values())
    rate = operations * best
    numbers = {
        "images_per_second": speeds,
        "operations_per_image": operations,
        "operations_per_second": rate,
    }
    if any("H100" in name for name in gpu_names()):
        numbers["share_of_peak"] = rate / PEAK[precision]
        told += f"; {numbers['share_of_peak']:.2f} of the arithmetic's peak"
    return Outcome(PASS, f"{told}; {rate / 1e12:.3g} TFLOP/s at best.", numbers)


def gpu_names():
    """Names of the GPUs that TensorFlow sees."""
    return [
        tf.config.experimental.get_device_details(gpu).get("device_name", "")
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def float32(setting):
    """`training` in float32, TF32 as TensorFlow has it."""
    return training(setting, "float32")


def bfloat16(setting):
    """`training` in bfloat16."""
    return training(setting, "bfloat16")


def towers(setting):
    """Speed of two towers on two devices and of both on one."""
    size = setting.batches[0]
    speeds = {}
    for name, pins in (
        ("one device", None),
        ("two devices", pinned_to(setting.devices)),
    ):
        trainer = make_trainer(setting, pins)
        speeds[name] = images_per_second(setting, trainer, size)
    ratio = speeds["two devices"] / speeds["one device"]
    told = ", ".join(f"{n} {s:,.0f} images/s" for n, s in speeds.items())
    return Outcome(PASS, f"At batch {size}: {told}, {ratio:.2f} times.", speeds)


def feeding(setting):
    """Speed of steps that are fed in three ways."""
    size = setting.batches[0]
    trainer = make_trainer(setting)
    speeds = {"as it is": images_per_second(setting, trainer, size)}
    ahead = tf.data.experimental.prefetch_to_device(f"/{setting.devices[0]}")
    on_device = batches(setting, 1, size).cache().repeat().apply(ahead)
    speeds["prefetched to the device"] = images_per_second(
        setting, trainer, size, iter(on_device)
    )
    several = make_trainer(setting)
    several.steps_per_execution = STEPS_AT_ONCE
    several.make_train_function()
    iterator = fixed_input(setting, size)
    seconds(several, iterator, 1)
    calls = max(1, setting.timed // STEPS_AT_ONCE)
    span = seconds(several, iterator, calls)
    speeds[f"{STEPS_AT_ONCE} steps at once"] = (
        calls * STEPS_AT_ONCE * size / span
    )
    winner = max(speeds, key=lambda name: speeds[name])
    told = ", ".join(f"{n} {s:,.0f} images/s" for n, s in speeds.items())
    return Outcome(PASS, f"At batch {size}: {told}; fastest {winner}.", speeds)


def export(setting):
    """Speed of the exported model, from JPEG files to names."""
    from export.server.models.loaded_model import LoadedModel
    from export.signatures import Signatures
    from export.writer import save

    network = make_network(setting)
    crop = paper.get_config().model.crop
    names = tuple(f"class {i}" for i in range(setting.classes))
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (16, 16, 3), np.uint8)
    smooth = tf.image.resize(coarse, (256, 256), "bicubic")
    pixels = tf.cast(tf.clip_by_value(smooth, 0, 255), tf.uint8)
    jpeg = tf.io.encode_jpeg(pixels, quality=95).numpy()
    count = 1 if setting.stand_in else EXPORTED_IMAGES
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model")
        save(path, Signatures(network, crop, names))
        model = LoadedModel(path, "alexnet", 1, run_timeout=60)
        run = model.signatures["serving_default"].run
        request = {"image_bytes": np.array([jpeg] * count, object)}
        for _ in range(2):
            answer = run(request, 60)
        start = time.perf_counter()
        for _ in range(setting.timed):
            answer = run(request, 60)
        speed = setting.timed * count / (time.perf_counter() - start)
    valid = bool(np.all(answer["valid"]))
    return Outcome(
        PASS if valid else FAIL,
        f"{speed:,.0f} images/s, {count} JPEG files a request, ten crops each.",
        {"images_per_second": speed, "images": count},
    )


ROWS = {
    "devices": devices,
    "placement": placement_row,
    "crossing": crossing,
    "pinned": pinned,
    "precisions": precisions,
    "lrn": lrn,
    "layout": layout,
    "xla": xla,
    "update": update,
    "launches": launches,
    "determinism": determinism,
    "resume": resume,
    "workers": workers,
    "memory": memory,
    "growth": growth,
    "float32": float32,
    "bfloat16": bfloat16,
    "towers": towers,
    "feeding": feeding,
    "export": export,
}


if __name__ == "__main__":
    main()
