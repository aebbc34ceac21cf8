"""Where a training step ran, read from the graph that was executed."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from tensorflow.python.eager import context

from alexnet_tf.files.text import counted
from alexnet_tf.layers.towers import is_pinned

if TYPE_CHECKING:
    from alexnet_tf.training.trainer import Trainer

SEND = ("_Send", "_HostSend")
# These belong to a graph's own machinery, not to the step.
UNCOUNTED = (*SEND, "_Recv", "_HostRecv", "Const", "NoOp", "_Arg", "_Retval")
PRODUCT = re.compile(r"Conv2D|MatMul")  # also fused, with oneDNN, backward
IN_LOOP = re.compile(r"^.*/body/_\d+/")
IN_CALL = re.compile(
    r"^(?:.*/(?:body|then|else)/_\d+/|StatefulPartitionedCall/)"
)

SMALL_PART = 2  # images; no weight has so few rows


class GraphCollection:
    """Keeps the graphs of functions that run for the first time.

    TensorFlow collects them between `begin` and `end`, or in a `with` block,
    at the cost of a copy.

    Attributes:
        functions: of each function, the nodes on all devices; after `end`.
    """

    def __init__(self) -> None:
        self.functions = []
        self._collecting = False

    def __enter__(self) -> GraphCollection:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """Starts collecting."""
        context.context().ensure_initialized()
        context.context().enable_graph_collection()
        self._collecting = True

    def end(self) -> None:
        """Stops; does nothing where nothing is collected."""
        if not self._collecting:
            return
        self._collecting = False
        metadata = context.context().export_run_metadata()
        context.context().disable_graph_collection()
        self.functions = [
            [node for graph in function.partition_graphs for node in graph.node]
            for function in metadata.function_graphs
        ]


@dataclasses.dataclass(frozen=True)
class DeviceShare:
    """What one device holds and does.

    Attributes:
        variables: number of weights, velocities and the like.
        variable_bytes: their size.
        products: convolutions and matrix products of a step.
        operations: all operations of a step, those included.
    """

    variables: int = 0
    variable_bytes: int = 0
    products: int = 0
    operations: int = 0


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What one device sends to another in a step.

    Attributes:
        tensors: how many.
        bytes: their size, without those of unknown size.
        unknown: how many are of unknown size.
    """

    tensors: int
    bytes: int
    unknown: int


@dataclasses.dataclass(frozen=True)
class StepPlacement:
    """Where a training step ran.

    Attributes:
        batch_size: its images.
        devices: {"CPU:0": `DeviceShare`}, sorted.
        traffic: {("CPU:0", "CPU:1"): `Traffic`} from the first to the second,
            where anything crosses; sorted.
    """

    batch_size: int
    devices: dict[str, DeviceShare]
    traffic: dict[tuple[str, str], Traffic]


def step_placement(
    trainer: Trainer,
    functions: list[list[Any]],
    batch_size: int,
    rows: int | None = None,
) -> StepPlacement:
    """Reads a `StepPlacement`.

    Args:
        trainer: a `Trainer` that has taken its first step.
        functions: of the `GraphCollection` that collected meanwhile.
        batch_size: images of the step that is reported.
        rows: images of a part of the batch, where the step taken was a
            smaller one: tensors with so many rows are counted as larger.

    Returns:
        A `StepPlacement`.
    """
    nodes = nodes_of_step(trainer, functions)
    parts = trainer.accumulate
    devices = variables_by_device(trainer)
    for node in nodes:
        if node.op not in UNCOUNTED:
            share = devices.get(short(node.device), DeviceShare())
            times = _times(node, parts)
            devices[short(node.device)] = dataclasses.replace(
                share,
                operations=share.operations + times,
                products=share.products + times * bool(PRODUCT.search(node.op)),
            )
    larger = batch_size / parts / rows if rows else 1
    traffic = {}
    for pair, node, shape, dtype in transfers_of(trainer, nodes):
        times = _times(node, parts)
        if shape is not None:
            scale = larger if shape[:1] == (rows,) else 1
            size = round(times * scale * math.prod(shape) * dtype.size)
        before = traffic.get(pair, Traffic(0, 0, 0))
        traffic[pair] = Traffic(
            before.tensors + times,
            before.bytes + (0 if shape is None else size),
            before.unknown + (times if shape is None else 0),
        )
    return StepPlacement(
        batch_size, dict(sorted(devices.items())), dict(sorted(traffic.items()))
    )


def nodes_of_step(trainer: Trainer, functions: list[list[Any]]) -> list[Any]:
    """The nodes of that function among several which updates the weights."""
    update = f"/{trainer.optimizer.name}/"
    [nodes] = [
        nodes for nodes in functions if any(update in n.name for n in nodes)
    ]
    return nodes


def placement_of_small_step(trainer: Trainer, batch_size: int) -> StepPlacement:
    """Takes a step on few black images and scales what crosses.

    Args:
        trainer: a `Trainer` that has taken no step yet; it changes.
        batch_size: images of the step that is reported.

    Returns:
        A `StepPlacement`.
    """
    images = SMALL_PART * trainer.accumulate
    shape = trainer.network.input_shape[1:]
    step = tf.data.Dataset.from_tensors(
        (tf.zeros((images, *shape), tf.uint8), tf.zeros(images, tf.int64))
    )
    with GraphCollection() as collection:
        trainer.fit(step, shuffle=False, verbose=0)
    return step_placement(trainer, collection.functions, batch_size, SMALL_PART)


def variables_by_device(trainer: Trainer) -> dict[str, DeviceShare]:
    """{"CPU:0": `DeviceShare`} that knows of variables alone; sorted."""
    variables = [
        variable.value
        for variable in (*trainer.variables, *trainer.optimizer.variables)
    ]
    held = collections.defaultdict(list)
    for variable in (*variables, *trainer.sums):
        size = math.prod(variable.shape) * variable.dtype.size
        held[short(variable.device)].append(size)
    return {
        device: DeviceShare(len(sizes), sum(sizes))
        for device, sizes in sorted(held.items())
    }


def transfers_of(
    trainer: Trainer, nodes: list[Any]
) -> Iterator[tuple[tuple[str, str], Any, tuple[int, ...] | None, tf.DType]]:
    """What crosses in a step, but for what carries the order alone.

    Args:
        trainer: a `Trainer` that has taken its first step.
        nodes: of that step, on all devices; from a `GraphCollection`.

    Yields:
        (("CPU:0", "CPU:1"), the node that made it, shape, dtype): sender and
        receiver first; the shape is static, None where it is not known.
    """
    by_place = {(node.device, node.name): node for node in nodes}
    for node in nodes:
        if node.op not in SEND:
            continue
        name, _, output = node.input[0].partition(":")
        source = by_place[node.device, name]
        # Dummies that carry only the order of operations do not count.
        if source.op == "Const" and "/ctrl/" in source.name:
            continue
        receiver = node.attr["recv_device"].s.decode()
        shape = () if source.op == "LoopCond" else None
        if shape is None:
            shape = _shape(trainer, name, int(output or 0))
        dtype = tf.as_dtype(node.attr["T"].type)
        yield (short(node.device), short(receiver)), source, shape, dtype


def _shape(trainer: Trainer, name: str, output: int) -> tuple[int, ...] | None:
    """The static shape of a node's output, None where it is not known."""
    name = IN_CALL.sub("", name)
    for graph in trainer.traced_graphs:
        while graph is not None:
            with contextlib.suppress(KeyError, IndexError):
                shape = graph.get_operation_by_name(name).outputs[output].shape
                return tuple(shape) if shape.is_fully_defined() else None
            graph = getattr(graph, "outer_graph", None)
    return None


def _times(node: Any, parts: int) -> int:
    """How often a node runs in a step."""
    return parts if IN_LOOP.match(node.name) else 1


def short(device: str) -> str:
    """ "CPU:1" of a device's full name."""
    return device.rpartition("device:")[2]


class PlacementReport(keras.callbacks.Callback):
    """Prints where the first step ran.

    With towers on devices of their own that costs the step a copy of its
    graph; otherwise the variables' places are all that there is to say.

    Args:
        batch_size: images of a step on this worker.
    """

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self._batch_size = batch_size
        self._collection = GraphCollection()
        self._printed = False

    def on_train_begin(self, logs: Any = None) -> None:
        if not self._printed and not is_pinned(self.model.network):
            self._printed = True
            print(unpinned_line(self.model), flush=True)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if not self._printed:
            self._collection.begin()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._printed:
            return
        self._printed = True
        self.close()
        placement = step_placement(
            self.model, self._collection.functions, self._batch_size
        )
        print("\n".join(placement_lines(placement)), flush=True)

    def close(self) -> None:
        """Ends the collection, also when the step failed."""
        self._collection.end()


def unpinned_line(trainer: Trainer) -> str:
    """One line about a trainer whose towers are bound to no device."""
    return "placement: towers bound to no device, " + ", ".join(
        f"{share.variables} variables with {_megabytes(share.variable_bytes)} "
        f"on {device}"
        for device, share in variables_by_device(trainer).items()
    )


def placement_lines(placement: StepPlacement) -> list[str]:
    """The lines of a table about a `StepPlacement`."""
    lines = [
        "placement of a training step of "
        f"{counted(placement.batch_size, 'image')}:",
        "  device  variables    of them  products  operations",
    ]
    for device, share in placement.devices.items():
        lines.append(
            f"  {device:6}  {share.variables:9}  "
            f"{_megabytes(share.variable_bytes):>9}  {share.products:8}  "
            f"{share.operations:10}"
        )
    for (sender, receiver), traffic in placement.traffic.items():
        unknown = (
            f", {traffic.unknown} more of unknown size"
            if traffic.unknown
            else ""
        )
        lines.append(
            f"  {sender} sends {_megabytes(traffic.bytes)} to {receiver}, in "
            f"{traffic.tensors - traffic.unknown} tensors{unknown}"
        )
    return lines


def as_json(placement: StepPlacement) -> dict[str, Any]:
    """A `StepPlacement` as a dict that JSON can hold."""
    return {
        "batch_size": placement.batch_size,
        "devices": {
            device: dataclasses.asdict(share)
            for device, share in placement.devices.items()
        },
        "traffic": [
            {"from": sender, "to": receiver, **dataclasses.asdict(traffic)}
            for (sender, receiver), traffic in placement.traffic.items()
        ],
    }


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"
