"""What training prints about devices."""

import dataclasses

import keras

from alexnet_tf.layers.towers import is_pinned
from alexnet_tf.training.step_placement import (
    GraphCollection,
    step_placement,
    variables_by_device,
)


class PlacementReport(keras.callbacks.Callback):
    """Prints where the first step ran.

    With towers on devices of their own that costs the step a copy of its
    graph; otherwise the variables' places are all that there is to say.

    Args:
        batch_size: images of a step on this worker.
    """

    def __init__(self, batch_size):
        super().__init__()
        self._batch_size = batch_size
        self._collection = GraphCollection()
        self._printed = False

    def on_train_begin(self, logs=None):
        if not self._printed and not is_pinned(self.model.network):
            self._printed = True
            print(unpinned_line(self.model), flush=True)

    def on_train_batch_begin(self, batch, logs=None):
        if not self._printed:
            self._collection.begin()

    def on_train_batch_end(self, batch, logs=None):
        if self._printed:
            return
        self._printed = True
        self.close()
        placement = step_placement(
            self.model, self._collection.functions, self._batch_size
        )
        print("\n".join(placement_lines(placement)), flush=True)

    def close(self):
        """Ends the collection, also when the step failed."""
        self._collection.end()


def unpinned_line(trainer):
    """One line about a trainer whose towers are bound to no device."""
    return "placement: towers bound to no device, " + ", ".join(
        f"{share.variables} variables with {_megabytes(share.variable_bytes)} "
        f"on {device}"
        for device, share in variables_by_device(trainer).items()
    )


def placement_lines(placement):
    """The lines of a table about a `StepPlacement`."""
    lines = [
        f"placement of a training step of {placement.batch_size} images:",
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


def as_json(placement):
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


def _megabytes(count):
    return f"{count / 1e6:.2f} MB"
