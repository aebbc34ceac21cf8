"""Ten crops whose conv1 is computed once for the whole image.

`ten_crop.ten_crop_probabilities` is the definition; what is here gives the same
probabilities, but for rounding, in less time. Crops that begin at multiples of
conv1's stride are windows of one pass over the 256x256 image, 62x62 places for
the paper's network instead of 5 x 55x55, and the mirrored five are windows of a
pass over the mirrored image. Two things are in the way.

Every crop is reduced by the same mean, whatever its place. conv1 is linear:

    conv1(crop - mean) + bias = conv1(crop - colour) + constant
    constant = bias - conv1(mean - colour)

with any colour, here the mean's, rounded to whole grey levels, which keeps the
terms small and 8-bit pixels exact in every precision. The constant is a map,
computed beforehand; where the mean is a colour it is the same at every place
but the last ones, so activation, LRN and pool1 are shared, too.

The last row and the last column of a crop's conv1 read zeros below and to the
right of it, where the pass over the image reads pixels. They are computed
again, with the kernels' first 8 rows or columns, and so are the pools above
them.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.evaluation.ten_crop import (
    centre_crop_probabilities,
    crop_corners,
    softmax,
    ten_crop_probabilities,
)
from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.input import InputForm, MeanSubtraction
from alexnet_tf.layers.pooling import TowerMaxPool2D


def predictor(
    network: keras.Model, crop: int, crops: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """What averages over so many crops, the fastest way that there is.

    Args:
        network: from uint8 crops to logits. Its weights must not change
            while the function is used.
        crop: side of a crop, in pixels.
        crops: 1 (centre) or 10.

    Returns:
        A function from uint8 records [B, 256, 256, 3] to float64
        probabilities [B, classes].
    """
    if crops == 1:
        return lambda records: centre_crop_probabilities(network, records, crop)
    if why_not_shared(network, crop):
        return lambda records: ten_crop_probabilities(network, records, crop)
    return SharedTenCrops(network, crop)


def why_not_shared(network: keras.Model, crop: int) -> str:
    """Why the ten crops of a network cannot share conv1, "" where they can."""
    layers = {layer.name: layer for layer in network.layers}
    conv1 = layers.get("conv1")
    if not isinstance(conv1, TowerConv2D) or "pool1" not in layers:
        return "the network has no conv1"
    if not conv1.unpinned:
        return "its towers are bound to devices"
    starts = sorted(
        {start for corner in crop_corners(crop) for start in corner}
    )
    if any(start % conv1.strides for start in starts):
        listed = ", ".join(map(str, starts))
        return (
            f"crops of {crop}x{crop} begin at {listed}, which are not all "
            f"multiples of conv1's stride {conv1.strides}"
        )
    return ""


@dataclasses.dataclass(frozen=True)
class SharedConv1:
    """What a pass over the image and the borders of its crops are made of.

    Attributes:
        colour: float32 [3], what is subtracted from every pixel.
        kernel: float32 [11, 11, 3, maps], all towers' kernels.
        constant: float32 [places, places, maps], see above.
        stride: of conv1, in pixels.
        reach: rows of a kernel that lie on the crop at its last place.
        places: along a side of a crop's conv1.
        inner: places under those pools that do not touch the last place.
        edge: first place under the pools that do; `places` where none does.
        pools: number of the former, along a side.
        starts: first rows and columns of the five crops, in places.
        pools_are_shared: whether the pools are windows of one pass, too.
        pool_stride: of pool1, in places.
    """

    _: dataclasses.KW_ONLY
    colour: np.ndarray
    kernel: np.ndarray
    constant: np.ndarray
    stride: int
    reach: int
    places: int
    inner: int
    edge: int
    pools: int
    starts: list[tuple[int, int]]
    pools_are_shared: bool
    pool_stride: int

    @classmethod
    def of(cls, network: keras.Model, crop: int) -> "SharedConv1":
        """Of a network for which `why_not_shared` says nothing."""
        conv1: TowerConv2D = network.get_layer("conv1")
        pool1: TowerMaxPool2D = network.get_layer("pool1")
        mean: MeanSubtraction = network.get_layer("mean")
        kernel, bias = (
            np.concatenate([np.float32(v.numpy()) for v in variables], axis=-1)
            for variables in (conv1.kernels, conv1.biases)
        )
        values = mean.mean.numpy()
        colour = np.round(values.mean(axis=(0, 1)))
        zeros = conv1.zeros_around(crop)
        rest = np.broadcast_to(values - colour, (1, crop, crop, 3))
        rest = formed(network, tf.constant(rest, tf.float32))
        padded = tf.pad(rest, [(0, 0), zeros, zeros, (0, 0)])
        of_mean = tf.nn.conv2d(padded, kernel, conv1.strides, "VALID")
        places, pooled = (
            layer.tower_outputs[0].shape[1] for layer in (conv1, pool1)
        )
        pools = 1 + (places - 1 - pool1.size) // pool1.stride
        starts = [
            (top // conv1.strides, left // conv1.strides)
            for top, left in crop_corners(crop)
        ]
        return cls(
            colour=colour,
            kernel=kernel,
            constant=(bias - of_mean.numpy())[0],
            stride=conv1.strides,
            reach=conv1.kernel_size - zeros[1],
            places=places,
            inner=(pools - 1) * pool1.stride + pool1.size,
            edge=pools * pool1.stride if pooled > pools else places,
            pools=pools,
            starts=starts,
            pools_are_shared=mean.kind != "image"
            and not any(
                start % pool1.stride for corner in starts for start in corner
            ),
            pool_stride=pool1.stride,
        )


class SharedTenCrops:
    """`ten_crop_probabilities` of one network, with conv1 shared.

    Called with uint8 records [B, 256, 256, 3], it returns float64 [B,
    classes]. The constant map is that of the weights at the time when it is
    made.

    Args:
        network: from uint8 crops to logits, for which `why_not_shared` says
            nothing.
        crop: side of a crop, in pixels.
    """

    def __init__(self, network: keras.Model, crop: int) -> None:
        self._shared = SharedConv1.of(network, crop)
        # As a tensor it is stored once in a SavedModel, not in each signature.
        self._constant = tf.constant(self._shared.constant)
        self._network = network
        self._conv1: TowerConv2D = network.get_layer("conv1")
        self._after_conv1 = layers_to_pool1(network)
        pool1 = network.get_layer("pool1")
        self._rest = keras.Model(pool1.tower_outputs, network.output)

    def __call__(self, records: tf.Tensor) -> tf.Tensor:
        shared = self._shared
        both = tf.concat([records, tf.reverse(records, [2])], axis=0)
        images = tf.cast(both, tf.float32) - shared.colour
        images = formed(self._network, images)
        kernel = tf.concat(
            [tf.convert_to_tensor(k) for k in self._conv1.kernels], axis=-1
        )
        conv = functools.partial(
            _convolve, dtype=self._conv1.compute_dtype, stride=shared.stride
        )
        maps = conv(images, kernel)
        pools = self._inner_pools(maps)
        if shared.edge < shared.places:
            right, below = self._edges(images, maps, kernel, conv)
            pools = [
                tf.concat([tf.concat([own, r], axis=2), b], axis=1)
                for own, r, b in zip(pools, right, below, strict=True)
            ]
        each = softmax(self._rest(pools))
        views = tf.reshape(each, [2 * len(shared.starts), -1, each.shape[-1]])
        return tf.reduce_mean(views, axis=0)

    def _inner_pools(self, maps: tf.Tensor) -> list[tf.Tensor]:
        """Pools of every crop that do not touch its last places.

        Args:
            maps: conv1 of whole images, [2B, 62, 62, maps], no constant yet.

        Returns:
            A tower's [10B, 26, 26, maps], crop by crop.
        """
        shared, inner = self._shared, self._shared.inner
        if not shared.pools_are_shared:
            own = self._windows(maps, (0, inner), (0, inner))
            return self._pool(own, self._constant[:inner, :inner])
        return [
            tf.concat(
                [
                    of_tower[:, top : top + shared.pools][
                        :, :, left : left + shared.pools
                    ]
                    for top, left in (
                        [n // shared.pool_stride for n in corner]
                        for corner in shared.starts
                    )
                ],
                axis=0,
            )
            for of_tower in self._pool(maps, self._constant[:1, :1])
        ]

    def _edges(
        self,
        images: tf.Tensor,
        maps: tf.Tensor,
        kernel: tf.Tensor,
        conv: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """The other pools: right of the inner ones, and below both."""
        shared, last = self._shared, self._shared.places - 1
        reach, edge, inner = shared.reach, shared.edge, shared.inner
        side = shared.stride * last + reach
        end = side - reach
        cut = functools.partial(self._windows, images, scale=shared.stride)
        missing = kernel.shape[0] - reach
        # The lower right corner is the last place of the last row.
        last_row = tf.pad(
            cut((end, side), (0, side)), [(0, 0), (0, 0), (0, missing), (0, 0)]
        )
        last_row = conv(last_row, kernel[:reach])
        last_column = conv(cut((0, side), (end, side)), kernel[:, :reach])

        beside = self._windows(maps, (0, inner), (edge, last))
        right = tf.concat([beside, last_column[:, :inner]], axis=2)
        above = self._windows(maps, (edge, last), (0, last))
        above = tf.concat([above, last_column[:, edge:last]], axis=2)
        below = tf.concat([above, last_row], axis=1)
        return (
            self._pool(right, self._constant[:inner, edge:]),
            self._pool(below, self._constant[edge:]),
        )

    def _windows(
        self,
        whole: tf.Tensor,
        rows: tuple[int, int],
        columns: tuple[int, int],
        scale: int = 1,
    ) -> tf.Tensor:
        """The same window of each crop, crop by crop: [10B, ...].

        Args:
            whole: of images and mirrored images, [2B, ...].
            rows, columns: from, to, as seen from the crop.
            scale: units of `whole` in a place.
        """
        parts = []
        for corner in self._shared.starts:
            top, left = (scale * start for start in corner)
            own = whole[:, top + rows[0] : top + rows[1]]
            parts.append(own[:, :, left + columns[0] : left + columns[1]])
        return tf.concat(parts, axis=0)

    def _pool(self, maps: tf.Tensor, constant: tf.Tensor) -> list[tf.Tensor]:
        """Everything from conv1's sums to pool1, for each tower."""
        sums = tf.cast(maps, tf.float32) + constant
        sums = tf.cast(sums, self._conv1.compute_dtype)
        towers = tf.split(
            self._conv1.activation(sums), self._conv1.towers, axis=-1
        )
        for layer in self._after_conv1:
            towers = layer(towers)
        return towers


def formed(network: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """What the network does between the mean and conv1, outside training."""
    for layer in network.layers:
        if isinstance(layer, InputForm):
            return layer(images)
    return images


def layers_to_pool1(network: keras.Model) -> list[keras.Layer]:
    """The layers after conv1 up to pool1, in their order."""
    names = [layer.name for layer in network.layers]
    first, last = names.index("conv1") + 1, names.index("pool1")
    return network.layers[first : last + 1]


def _convolve(
    images: tf.Tensor, kernel: tf.Tensor, dtype: str, stride: int
) -> tf.Tensor:
    images, kernel = tf.cast(images, dtype), tf.cast(kernel, dtype)
    return tf.nn.conv2d(images, kernel, stride, "VALID")
