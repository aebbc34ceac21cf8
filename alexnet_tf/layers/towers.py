"""Towers: which device each half of the network runs on.

A layer knows how many towers it has, never a device. The running process maps
towers to devices (`placement`), and `TowerLayer` keeps a tower's variables,
its forward operations and, through `run_on`, its backward operations there.
A saved network therefore holds no device and loads on any machine.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from alexnet_tf.errors import UserError

_process = threading.local()


def resolve_tower_devices(
    spec: str = "auto", towers: int = 2, prefix: str = ""
) -> tuple[str | None, ...]:
    """Turns a `--tower_devices` value into one device (or None) per tower.

    Args:
        spec: "auto" (as many GPUs as towers, or no pin at all), "none", or one
            device per tower, comma separated, such as "GPU:0,GPU:1".
        towers: number of towers of the network.
        prefix: what the names of this process's devices begin with, where
            several processes train together.

    Returns:
        A tuple of `towers` entries: device strings such as "/GPU:0", or None
        where TensorFlow chooses.

    Raises:
        UserError: the number of devices is wrong or one does not exist.
            TensorFlow itself would fall back on another device silently.
    """
    unpinned = (None,) * towers
    if spec == "none" or (spec == "auto" and towers == 1):
        return unpinned
    existing = [
        device.name.split("/device:")[-1]
        for device in tf.config.list_logical_devices()
        if device.name.startswith(prefix)
    ]
    if spec == "auto":
        gpus = [name for name in existing if name.startswith("GPU:")]
        if len(gpus) < towers:
            return unpinned
        return tuple(f"{prefix}/{name}" for name in gpus[:towers])
    names = [
        name.strip().strip("/").upper().removeprefix("DEVICE:")
        for name in spec.split(",")
    ]
    if len(names) != towers:
        raise UserError(
            f"--tower_devices={spec} names {len(names)} devices, the network "
            f"has {towers} towers: name one device for each"
        )
    for name in names:
        if name not in existing:
            raise UserError(
                f"--tower_devices={spec}: there is no device {name}; this "
                f"process has {', '.join(existing)}"
            )
    return tuple(f"{prefix}/{name}" for name in names)


@contextlib.contextmanager
def placement(devices: Iterable[str | None]) -> Iterator[None]:
    """Layers constructed inside place their towers on `devices`.

    Args:
        devices: one device string or None per tower, as
            `resolve_tower_devices` returns them.
    """
    previous = getattr(_process, "devices", None)
    _process.devices = tuple(devices)
    try:
        yield
    finally:
        _process.devices = previous


def stand_apart() -> bool:
    """Whether towers of layers constructed now are on different devices."""
    return len(set(getattr(_process, "devices", None) or ())) > 1


def run_on(
    device: str | None, function: Callable[..., tf.Tensor], *tensors: tf.Tensor
) -> tf.Tensor:
    """Runs `function(*tensors)` and, later, its gradient on `device`.

    TensorFlow does not replay `tf.device` when it differentiates a graph: the
    backward operations of a pinned forward operation land on the default
    device, and the weights follow them there every step. A custom gradient
    that differentiates under `tf.device` keeps them beside the weights.

    Args:
        device: a device string, or None to leave the choice to TensorFlow.
        function: maps tensors to one tensor. Every tensor that needs a
            gradient must be an argument.
        *tensors: the arguments.

    Returns:
        The result of `function(*tensors)`.
    """
    if device is None:
        return function(*tensors)

    @tf.custom_gradient
    def pinned(*arguments: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            result = function(*arguments)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.device(device):
                return tape.gradient(result, arguments, upstream)

        return result, gradient

    # custom_gradient's own identities must sit on the device too: on the
    # default device they would carry every activation across.
    with tf.device(device):
        return pinned(*tensors)


class TowerLayer(keras.layers.Layer):
    """A layer with one set of variables and operations per tower.

    It takes and returns a list with one tensor per tower, each of which stays
    on its tower's device. Keras casts neither inputs nor weights to the
    layer's compute dtype: it would do so on the default device.

    Args:
        towers: number of towers that compute.
    """

    def __init__(self, towers: int = 2, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.towers = towers
        self._devices = getattr(_process, "devices", None) or ()
        if any(self._devices):
            # One XLA cluster lives on one device.
            self.supports_jit = False

    @property
    def tower_outputs(self) -> list[keras.KerasTensor]:
        """The symbolic output of each tower, in a functional model."""
        # Keras unwraps a list of one.
        return self.output if self.towers > 1 else [self.output]

    @property
    def input_sides(self) -> tuple[int, int]:
        """Height and width of the maps that come in, in a functional model."""
        maps = self.input[0] if isinstance(self.input, list) else self.input
        return tuple(maps.shape[1:3])

    @property
    def unpinned(self) -> bool:
        """True where no tower of this layer is bound to a device."""
        return not any(self._devices[: self.towers])

    def device(self, tower: int) -> str | None:
        """The device string of a tower, None where TensorFlow chooses.

        A layer of one tower may ask for that of another, which it reads.
        """
        return self._devices[tower] if self._devices else None

    def add_tower_weight(
        self, tower: int, name: str, **kwargs: Any
    ) -> keras.Variable:
        """`add_weight` for a variable that lives on the tower's device."""
        with tf.device(self.device(tower)):
            return self.add_weight(
                name=f"{name}_{tower}", autocast=False, **kwargs
            )

    def on_tower(
        self,
        tower: int,
        function: Callable[..., tf.Tensor],
        *tensors: tf.Tensor,
    ) -> tf.Tensor:
        """Runs `function(*tensors)` forward and backward on a tower."""
        with tf.name_scope(f"tower_{tower}"):
            return run_on(self.device(tower), function, *tensors)

    def on_each_tower(
        self, function: Callable[..., tf.Tensor], tensors: Iterable[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Runs `function` on every tower's own tensor; returns the list."""
        return [
            self.on_tower(tower, function, tensor)
            for tower, tensor in enumerate(tensors)
        ]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "towers": self.towers}


def is_pinned(network: keras.Model) -> bool:
    """Whether a layer of the network is bound to a device."""
    return not all(getattr(layer, "unpinned", True) for layer in network.layers)
