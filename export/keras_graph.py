"""The network and its ten crops in Keras' own layers.

Nothing of this program is needed to load or to train it further: a tower's
layers are `Conv2D` and `Dense`, LRN is a `Conv2D` of squares that is not
trained, the mean a `Normalization`. Lighting is left out.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from alexnet_tf.data.preprocess import RECORD_SIZE
from alexnet_tf.evaluation.ten_crop import crop_corners
from alexnet_tf.layers.convolution import TowerConv2D
from alexnet_tf.layers.dense import TowerDense
from alexnet_tf.layers.dropout import TowerDropout
from alexnet_tf.layers.input import InputForm, MeanSubtraction, PCALighting
from alexnet_tf.layers.normalization import TowerLRN
from alexnet_tf.layers.pooling import TowerActivation, TowerMaxPool2D


def ten_crop_model(network: keras.Model, crop: int) -> keras.Model:
    """The model from records to probabilities.

    Args:
        network: from uint8 crops to logits, as `build_network` makes it.
        crop: side of a crop, in pixels.

    Returns:
        A functional model from uint8 records [B, 256, 256, 3] to float32
        [B, classes], the mean of the softmax outputs of the ten crops. Its
        layer "alexnet" is a model from uint8 crops to logits.

    Raises:
        NotImplementedError: Keras has no layers for one of the network's.
    """
    images = keras.Input(
        (RECORD_SIZE, RECORD_SIZE, 3), dtype="uint8", name="images"
    )
    end = RECORD_SIZE - crop
    five = [
        layers.Cropping2D(
            ((top, end - top), (left, end - left)), dtype="uint8"
        )(images)
        for top, left in crop_corners(crop)
    ]
    mirrored = [keras.ops.flip(view, axis=2) for view in five]
    views = keras.ops.concatenate(five + mirrored, axis=0)
    logits = network_of_standard_layers(network, crop)(views)
    each = layers.Softmax(name="softmax")(logits)
    by_view = keras.ops.reshape(each, (10, -1, each.shape[-1]))
    return keras.Model(
        images, keras.ops.mean(by_view, axis=0), name="ten_crops"
    )


def network_of_standard_layers(network: keras.Model, crop: int) -> keras.Model:
    """From uint8 crops to logits; see `ten_crop_model`."""
    image = keras.Input((crop, crop, 3), dtype="uint8", name="image")
    # A tensor for each tower, as in the network itself.
    x = [image]
    for layer in network.layers:
        x = _apply(layer, x)
    return keras.Model(image, x[0], name="alexnet")


def _apply(
    layer: keras.layers.Layer, x: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    match layer:
        case layers.InputLayer() | PCALighting():
            return x
        case MeanSubtraction():
            return [_subtract_mean(layer, x[0])]
        case InputForm():
            return [_form(layer, x[0])]
        case TowerConv2D():
            return _weighted(layer, x, _convolution)
        case TowerDense():
            return _weighted(layer, x, _fully_connected)
        case TowerActivation():
            return [_activated(layer, part, t) for t, part in enumerate(x)]
        case TowerLRN():
            return _normalized(layer, x)
        case TowerMaxPool2D():
            return [_pooled(layer, part, t) for t, part in enumerate(x)]
        case TowerDropout():
            return [_dropped(layer, part, t) for t, part in enumerate(x)]
        case layers.Concatenate():
            return [layers.Concatenate(name=layer.name)(x)]
    raise NotImplementedError(f"{layer.name}, {type(layer).__name__}")


def _subtract_mean(
    layer: MeanSubtraction, image: keras.KerasTensor
) -> keras.KerasTensor:
    axes = (1, 2, 3) if layer.kind == "image" else -1
    mean = layers.Normalization(axis=axes, name=layer.name)
    x = mean(image)
    values = layer.mean.numpy().reshape(mean.adapt_mean.shape)
    mean.adapt_mean.assign(values)
    mean.adapt_variance.assign(np.ones_like(values))
    mean.finalize_state()
    return x


def _form(layer: InputForm, x: keras.KerasTensor) -> keras.KerasTensor:
    x = layers.Rescaling(1 / layer.divisor, name=layer.name)(x)
    return keras.ops.flip(x, axis=-1) if layer.channel_order == "bgr" else x


def _weighted(
    layer: TowerConv2D | TowerDense,
    x: list[keras.KerasTensor],
    make: Callable[..., keras.KerasTensor],
) -> list[keras.KerasTensor]:
    """A Keras layer for each tower, with the tower's weights."""
    if layer.rounds_what_crosses:
        raise NotImplementedError(
            "model.exchange_precision=float16, the rounding of what crosses "
            "between the towers"
        )
    if layer.exchange and len(x) > 1:
        x = [layers.Concatenate(name=f"{layer.name}_exchange")(x)]
    seen = x if len(x) == layer.towers else x * layer.towers
    return [
        make(layer, part, tower, [kernel.numpy(), bias.numpy()])
        for tower, (part, kernel, bias) in enumerate(
            zip(seen, layer.kernels, layer.biases, strict=True)
        )
    ]


def _convolution(
    layer: TowerConv2D,
    x: keras.KerasTensor,
    tower: int,
    weights: list[np.ndarray],
) -> keras.KerasTensor:
    if layer.padding != "same":
        zeros = tuple(map(layer.zeros_around, layer.input_sides))
        x = layers.ZeroPadding2D(zeros, name=f"{layer.name}_zeros_{tower}")(x)
    conv = layers.Conv2D(
        weights[1].size,
        layer.kernel_size,
        layer.strides,
        "same" if layer.padding == "same" else "valid",
        activation=layer.activation,
        name=f"{layer.name}_{tower}",
    )
    y = conv(x)
    conv.set_weights(weights)
    return y


def _fully_connected(
    layer: TowerDense,
    x: keras.KerasTensor,
    tower: int,
    weights: list[np.ndarray],
) -> keras.KerasTensor:
    if len(x.shape) > 2:
        x = layers.Flatten(name=f"{layer.name}_flat_{tower}")(x)
    dense = layers.Dense(
        weights[1].size,
        activation=layer.activation,
        name=f"{layer.name}_{tower}",
    )
    y = dense(x)
    dense.set_weights(weights)
    return y


def _activated(
    layer: TowerActivation, x: keras.KerasTensor, tower: int
) -> keras.KerasTensor:
    name = f"{layer.name}_{tower}"
    return layers.Activation(layer.activation, name=name)(x)


def _normalized(
    layer: TowerLRN, x: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    if layer.scope == "tower" or len(x) == 1:
        return [_response(layer, part, t) for t, part in enumerate(x)]
    joined = layers.Concatenate(name=f"{layer.name}_joined")(x)
    return keras.ops.split(_response(layer, joined, 0), len(x), axis=-1)


def _response(
    layer: TowerLRN, x: keras.KerasTensor, tower: int
) -> keras.KerasTensor:
    """x / (k + sums)^beta, the sums a 1x1 convolution of squares."""
    maps = x.shape[-1]
    index = np.arange(maps)
    window = np.abs(index[:, None] - index) <= layer.n // 2
    sums = layers.Conv2D(
        maps, 1, trainable=False, name=f"{layer.name}_sums_{tower}"
    )
    s = sums(keras.ops.square(x))
    sums.set_weights([layer.alpha * window[None, None], np.full(maps, layer.k)])
    return x * keras.ops.power(s, -layer.beta)


def _pooled(
    layer: TowerMaxPool2D, x: keras.KerasTensor, tower: int
) -> keras.KerasTensor:
    if any(map(layer.over_the_edge, layer.input_sides)):
        raise NotImplementedError(
            "model.pool_padding=ceil, pools that reach over the edge"
        )
    name = f"{layer.name}_{tower}"
    return layers.MaxPooling2D(layer.size, layer.stride, name=name)(x)


def _dropped(
    layer: TowerDropout, x: keras.KerasTensor, tower: int
) -> keras.KerasTensor:
    # Keras divides what remains by 1 - rate; the paper does not.
    name = f"{layer.name}_{tower}"
    x = layers.Dropout(layer.rate, name=name)(x)
    if layer.factor_at_test == 1:
        return x
    return layers.Rescaling(layer.factor_at_test, name=f"{name}_scale")(x)
