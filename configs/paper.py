"""AlexNet as the paper's text has it, for ImageNet.

A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet Classification with Deep
Convolutional Neural Networks, NIPS 2012. Section numbers below are the
paper's; "2012 code" is the source released by the Computer History Museum.

Command:  python main.py --mode=train --config=configs/paper.py --data_dir=DIR
Hardware: the paper: two GTX 580 with 3 GB, five to six days for 90 epochs.
Result:   the paper, ILSVRC-2012 validation, ten crops: 40.7 % top-1 and
          18.2 % top-5 error. This program has not been run on ImageNet.

On small data sets this initialization stays at the loss of a guess for long:
see configs/demo.py.
"""

import dataclasses
from typing import Annotated, Literal, get_args

from ml_collections import ConfigDict

from configs.ranges import (
    Count,
    CountOrZero,
    Digest,
    Exponent,
    Finite,
    Fraction,
    Grey,
    NotNegative,
    Positive,
    Seed,
    Share,
    Text,
    TrueShare,
    above,
    at_least,
    at_most,
    below,
    distinct,
    distinct_firsts,
    odd_from,
    zero_or_from,
)

Removable = Literal["conv2", "conv3", "conv4", "conv5"]
Norm = Literal["lrn1", "lrn2", "norm2"]
SeesTowers = Literal[Removable, "conv6", "fc6", "fc7", "bottleneck", "fc8"]
Layer = Literal["conv1", SeesTowers]
LAYERS = get_args(Layer)
LayerOrBiases = Literal[
    Layer,
    "conv1.bias",
    "conv2.bias",
    "conv3.bias",
    "conv4.bias",
    "conv5.bias",
    "conv6.bias",
    "fc6.bias",
    "fc7.bias",
    "bottleneck.bias",
    "fc8.bias",
]


@dataclasses.dataclass(frozen=True)
class Data:
    """Which images, and in which order."""

    # embedded, folder, csv, prepared, imagenet_tars, or a name of TFDS
    name: Text = "imagenet2012:5.*.*"
    # first N training images of the seeded order; 0: all
    limit: CountOrZero = 0
    holdout: TrueShare = 0.1  # held out where a source has no validation split
    # equal parts of which one is held out instead; 0: the share above
    holdout_folds: Annotated[int, zero_or_from(2)] = 0
    fold: CountOrZero = 0  # which of these parts, from 0
    shuffle_buffer: Count = 10_000  # records
    # balanced: as many images of each class in every epoch
    sampling: Literal["shuffled", "balanced"] = "shuffled"
    augment: bool = True  # sec. 4.1: random crops, mirrors; else centre crops
    crop_shared_by: Count = 1  # images with one crop; 2012 code: 32
    # random resized crops: the smallest area, as a share of the image, and the
    # largest ratio of two sides; 0: crops keep their size, sec. 4.1
    crop_scale: Fraction = 0.0
    crop_ratio: Annotated[float, at_least(1)] = 4 / 3
    # sec. 2; imagenet: published values, no pass over the images
    statistics: Literal["measured", "imagenet"] = "measured"
    cache_gb: NotNegative = 4.0  # decoded images kept in memory up to this size
    max_damaged: Share = 0.001  # share of images that may get lost in a run


@dataclasses.dataclass(frozen=True)
class Lrn:
    """Normalization between maps, section 3.3."""

    # tower: 2012 code; layer: over both towers; none: no LRN
    scope: Literal["tower", "layer", "none"] = "tower"
    n: Annotated[int, odd_from(1)] = 5  # neighbouring maps
    k: Positive = 2.0
    alpha: NotNegative = 1e-4  # not divided by n
    beta: Exponent = 0.75


@dataclasses.dataclass(frozen=True)
class SameMapNorm:
    """Normalization inside each map after conv2's LRN, 2012 code."""

    # side of the window; 0: no such layer; 2012 code: 5
    size: Annotated[int, odd_from(0)] = 0
    k: Positive = 1.0  # presumed: the release lacks that kernel's source
    alpha: NotNegative = 0.001 / 25  # times the sum of squares
    beta: Exponent = 0.75


@dataclasses.dataclass(frozen=True)
class Lighting:
    """PCA lighting, section 4.1."""

    std: NotNegative = 0.1  # of alpha; 0: no PCA lighting
    # 2012 code: square_roots
    scale: Literal["eigenvalues", "square_roots"] = "eigenvalues"
    divisor: Positive = 1.0  # of lit pixels minus mean; 2012 code: 1.1


@dataclasses.dataclass(frozen=True)
class WeightStd:
    """Deviations of the initial weights, section 5."""

    conv1: NotNegative = 0.01
    conv2: NotNegative = 0.01
    conv3: NotNegative = 0.01
    conv4: NotNegative = 0.01
    conv5: NotNegative = 0.01
    conv6: NotNegative = 0.01
    fc6: NotNegative = 0.01
    fc7: NotNegative = 0.01
    bottleneck: NotNegative = 0.01
    fc8: NotNegative = 0.01


@dataclasses.dataclass(frozen=True)
class Bias:
    """Initial biases, section 5."""

    conv1: Finite = 0.0
    conv2: Finite = 1.0
    conv3: Finite = 0.0
    conv4: Finite = 1.0
    conv5: Finite = 1.0
    conv6: Finite = 1.0
    fc6: Finite = 1.0
    fc7: Finite = 1.0
    bottleneck: Finite = 0.0
    fc8: Finite = 0.0


@dataclasses.dataclass(frozen=True)
class Model:
    """The network."""

    # 0: as many as the data has
    num_classes: Annotated[int, zero_or_from(2)] = 1000
    # sec. 4.1; 227 needs no zero padding in conv1 (Caffe)
    crop: Annotated[int, at_least(64), at_most(256)] = 224
    towers: Literal[1, 2] = 2  # sec. 3.5; 1: the paper's one-GPU net
    # multiplies kernels and fc neurons
    width: Annotated[float, above(0), below(100)] = 1.0
    # conv1..conv5, sec. 3.5
    kernels: tuple[Count, Count, Count, Count, Count] = (96, 256, 384, 384, 256)
    # zeros around what conv2..conv5 read
    padding: tuple[CountOrZero, CountOrZero, CountOrZero, CountOrZero] = (
        *(2, 1, 1, 1),
    )
    conv6: CountOrZero = 0  # kernels after pool5; 0: no such layer
    # convolutions left out, with their norms, or norms alone
    without: tuple[Literal[Removable, Norm], ...] = ()
    units: Count = 4096  # fc6 and fc7, sec. 3.5
    fc7_units: CountOrZero = 0  # of fc7 alone; 0: as many as fc6
    # neurons of a layer without activation under fc8; 0: no such layer
    bottleneck: CountOrZero = 0
    # classes divided over the towers, one softmax over all of them
    split_softmax: bool = False
    # layers that see both towers, sec. 3.5; the others see their own alone
    exchange: Annotated[tuple[SeesTowers, ...], distinct()] = (
        *("conv3", "fc6", "fc7", "fc8"),
    )
    # float16: what crosses is rounded to it, both ways; 2012 code, later
    exchange_precision: Literal["full", "float16"] = "full"
    activation: Literal["relu", "tanh", "sigmoid"] = "relu"  # sec. 3.1
    pool_size: Count = 3  # z, sec. 3.4
    pool_stride: Count = 2  # s, sec. 3.4
    # ceil: pools reach over the right and lower edge, as in the 2012 code,
    # where that leaves nothing out; with 3 and 2 nothing is
    pool_padding: Literal["valid", "ceil"] = "valid"
    dropout: Share = 0.5  # fc6 and fc7, sec. 4.2
    # paper: times 1 - dropout when testing; inverted: as Caffe
    dropout_kind: Literal["paper", "inverted"] = "paper"
    # sec. 2: per pixel; rgb: per colour; given
    mean: Literal["image", "rgb", "given"] = "image"
    mean_values: tuple[Grey, ...] = ()  # R, G, B on 0..255, where mean is given
    input_divisor: Positive = 1.0  # of pixels minus mean, always
    # of what conv1 reads; bgr: Caffe
    channel_order: Literal["rgb", "bgr"] = "rgb"
    lrn: Lrn = Lrn()
    # sec. 3.5; 2012 code: lrn_pool_relu
    conv1_order: Literal["relu_lrn_pool", "lrn_pool_relu"] = "relu_lrn_pool"
    # of its two norms; 2012 code, experiment 166: lrn_pool_relu
    conv2_order: Literal["relu_lrn_pool", "lrn_pool_relu"] = "relu_lrn_pool"
    same_map_norm: SameMapNorm = SameMapNorm()
    lighting: Lighting = Lighting()
    weight_std: WeightStd = WeightStd()
    bias: Bias = Bias()


@dataclasses.dataclass(frozen=True)
class Init:
    """Where a run begins that starts from a trained network, --init."""

    # random, or the run folder or weights file of --init
    source: Text = "random"
    sha256: Digest = "any"  # of the source's weights; a run records it
    # layers that are taken; (): all whose shapes fit, the last one only where
    # the classes are the same
    layers: Annotated[tuple[Layer, ...], distinct()] = ()
    # of the last layer, the weights of those classes that the source names too
    shared_classes: bool = False
    # mean image and principal components: the source's, or of these images
    statistics: Literal["source", "measured"] = "source"


@dataclasses.dataclass(frozen=True)
class LrSchedule:
    """How a learning rate falls over the epochs of a run; most: 2012 code."""

    # none: not by a formula; linear; exponential: a straight line in the
    # logarithm; stepwise: in `levels` steps of it; jumping: the same, but half
    # of most steps lies between theirs and the one before; cosine: half a
    # period of it, Loshchilov and Hutter 2017
    kind: Literal[
        "none", "linear", "exponential", "stepwise", "jumping", "cosine"
    ] = "none"
    factor: Annotated[float, at_least(1)] = 250.0  # first rate over last
    levels: Annotated[int, at_least(2)] = 4  # of stepwise and jumping


@dataclasses.dataclass(frozen=True)
class Train:
    """The training."""

    seed: Seed = 0
    epochs: Count = 90  # sec. 5, "roughly 90 cycles"
    batch_size: Count = 128  # sec. 5; images of an update
    accumulate: Count = 1  # parts of a batch computed one after the other
    # of activations
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    xla: bool = False  # compile with XLA; one device only
    lr: Positive = 0.01  # sec. 5
    momentum: Share = 0.9  # sec. 5
    weight_decay: NotNegative = 0.0005  # sec. 5
    bias_lr_multiplier: NotNegative = 1.0  # sec. 5: "equal learning rate"
    bias_lr: NotNegative = 0.0  # of biases, never dropped; 0: follows lr
    decay_biases: bool = True  # sec. 5 names no exception
    # (layer, epochs done, its lr from then on, 0 for a frozen layer), such as
    # (('conv1', 67, 1e-05), ('conv1', 72, 0.0))
    layer_lrs: tuple[tuple[Layer, Count, NotNegative], ...] = ()
    # (layer, factor on its lr), such as (('conv1', 0.1), ('fc8.bias', 20.0));
    # of weights and biases, or of the biases alone
    lr_multipliers: Annotated[
        tuple[tuple[LayerOrBiases, NotNegative], ...], distinct_firsts()
    ] = ()
    # layers that stay as they are, whatever else says how they learn
    frozen: Annotated[tuple[Layer, ...], distinct()] = ()
    lighting_epochs: CountOrZero = 0  # epochs with lighting, then none; 0: all
    # drops by hand, after these epochs; (): on a plateau, as in the paper
    lr_drop_epochs: Annotated[tuple[Count, ...], distinct()] = ()
    lr_drops: CountOrZero = 3  # sec. 5: "reduced three times"; then stop
    lr_drop_factor: TrueShare = 0.1  # sec. 5
    # of the first steps, in which all rates grow linearly from 0
    warmup_epochs: NotNegative = 0.0
    # instead of drops: by a formula, from lr on
    lr_schedule: LrSchedule = LrSchedule()
    # of biases, from bias_lr on; 2012 code: stepwise from its experiment 165 on
    bias_lr_schedule: LrSchedule = LrSchedule("none", 10.0, 2)
    patience: Count = 5  # epochs without improvement; the paper's was by hand
    min_improvement: Fraction = 0.001  # of the error of monitor, a fraction
    # decay of the exponential moving average of the weights, which is what is
    # validated and kept in best/; 0: the weights themselves
    weight_average: Share = 0.0
    # share of the target that all classes have in equal parts
    label_smoothing: Share = 0.0
    # of the validation: what drops on a plateau and the best weights go by
    monitor: Literal["top1_error", "balanced_accuracy", "macro_f1"] = (
        "top1_error"
    )
    # factors on the loss; balanced: each class counts the same; given
    class_weights: Literal["none", "balanced", "given"] = "none"
    # (class, factor) where they are given, 1 for the others, such as
    # (('cat', 2.0), ('dog', 0.5))
    class_weight_values: Annotated[
        tuple[tuple[Text, Positive], ...], distinct_firsts()
    ] = ()
    flat_loss_steps: Count = 400  # alarm when the loss stayed at ln(classes)
    flat_loss_margin: Share = 0.01  # of ln(classes)
    # the state, also after epochs; 0: by time
    save_every_steps: CountOrZero = 0
    save_every_minutes: Positive = 10.0  # where save_every_steps is 0


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """The auto-encoder of section 6.1; the paper gives no values."""

    seed: Seed = 0
    hidden: Count = 512  # neurons between vector and code
    noise: NotNegative = 4.0  # deviation; Salakhutdinov and Hinton 2009
    steps: Count = 1500  # of Adam
    batch_size: Count = 128
    lr: Positive = 0.001  # falls to 0 as a cosine


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The sections."""

    data: Data = Data()
    model: Model = Model()
    init: Init = Init()
    train: Train = Train()
    retrieval: Retrieval = Retrieval()


def get_config() -> ConfigDict:
    """The paper's values, each with its source and what it may be."""
    return ConfigDict(dataclasses.asdict(Recipe()))
