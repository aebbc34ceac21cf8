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

from ml_collections import ConfigDict

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def get_config():
    """The paper's values, each with its source."""
    config = ConfigDict()

    data = config.data = ConfigDict()
    data.name = (
        "imagenet2012:5.*.*"  # embedded, folder, prepared, imagenet_tars, TFDS
    )
    data.limit = 0  # first N training images of the seeded order; 0: all
    data.holdout = 0.1  # share held out where a source has no validation split
    data.shuffle_buffer = 10_000  # records
    data.augment = True  # sec. 4.1: random crops, mirrors; else centre crops
    data.crop_shared_by = 1  # images with one crop; 2012 code: 32
    data.statistics = "measured"  # sec. 2; imagenet: published values, no pass
    data.cache_gb = 4.0  # decoded images kept in memory up to this size
    data.max_damaged = 0.001  # share of images that may get lost in a run

    model = config.model = ConfigDict()
    model.num_classes = 1000  # 0: as many as the data has
    model.crop = 224  # sec. 4.1; 227 needs no zero padding in conv1 (Caffe)
    model.towers = 2  # sec. 3.5; 1: the paper's one-GPU net
    model.width = 1.0  # multiplies kernels and fc neurons
    model.kernels = (96, 256, 384, 384, 256)  # conv1..conv5, sec. 3.5
    model.without = ()  # convolutions left out, with their norms; not conv1
    model.units = 4096  # fc6 and fc7, sec. 3.5
    model.activation = "relu"  # sec. 3.1
    model.pool_size = 3  # z, sec. 3.4
    model.pool_stride = 2  # s, sec. 3.4
    model.dropout = 0.5  # fc6 and fc7, sec. 4.2
    model.dropout_kind = "paper"  # times 1 - rate at test; or inverted: Caffe
    model.mean = "image"  # sec. 2: per pixel; rgb: per colour; given
    model.mean_values = ()  # R, G, B on 0..255, where mean is given
    model.input_divisor = 1.0  # of pixels minus mean, in training and after
    model.channel_order = "rgb"  # of what conv1 reads; bgr: Caffe

    lrn = model.lrn = ConfigDict()  # sec. 3.3
    lrn.scope = "tower"  # 2012 code; layer: over both towers; none: no LRN
    lrn.n = 5
    lrn.k = 2.0
    lrn.alpha = 1e-4  # not divided by n
    lrn.beta = 0.75

    model.conv1_order = "relu_lrn_pool"  # sec. 3.5; 2012 code: lrn_pool_relu

    norm = model.same_map_norm = ConfigDict()  # 2012 code, after conv2's LRN
    norm.size = 0  # side of the window; 0: no such layer; 2012 code: 5
    norm.k = 1.0  # presumed: the release lacks that kernel's source
    norm.alpha = 0.001 / 25  # times the sum of squares
    norm.beta = 0.75

    lighting = model.lighting = ConfigDict()  # sec. 4.1
    lighting.std = 0.1  # of alpha; 0: no PCA lighting
    lighting.scale = "eigenvalues"  # 2012 code: square_roots
    lighting.divisor = 1.0  # of lit pixels minus mean; 2012 code: 1.1

    model.weight_std = ConfigDict({layer: 0.01 for layer in LAYERS})  # sec. 5
    model.bias = ConfigDict(  # sec. 5
        {
            **{layer: 0.0 for layer in ("conv1", "conv3", "fc8")},
            **{layer: 1.0 for layer in ("conv2", "conv4", "conv5")},
            **{layer: 1.0 for layer in ("fc6", "fc7")},
        }
    )

    train = config.train = ConfigDict()
    train.seed = 0
    train.epochs = 90  # sec. 5, "roughly 90 cycles"
    train.batch_size = 128  # sec. 5; images of an update
    train.accumulate = 1  # parts of a batch computed one after the other
    train.precision = "float32"  # of activations; or bfloat16, float16
    train.xla = False  # compile with XLA; one device only
    train.lr = 0.01  # sec. 5
    train.momentum = 0.9  # sec. 5
    train.weight_decay = 0.0005  # sec. 5
    train.bias_lr_multiplier = 1.0  # sec. 5: "equal learning rate"
    train.bias_lr = 0.0  # of biases, never dropped; 0: follows lr
    train.decay_biases = True  # sec. 5 names no exception
    train.layer_lrs = ()  # (layer, after so many epochs, lr or 0: frozen), ...
    train.lighting_epochs = 0  # epochs with lighting, then none; 0: all
    train.lr_drop_epochs = ()  # drops by hand, after these epochs; (): plateau
    train.lr_drops = 3  # sec. 5: "reduced three times"; then stop
    train.lr_drop_factor = 0.1  # sec. 5
    train.patience = 5  # epochs without improvement; the paper's was by hand
    train.min_improvement = 0.001  # of validation top-1 error, a fraction
    train.flat_loss_steps = 400  # alarm when the loss stayed at ln(classes)
    train.flat_loss_margin = 0.01  # of ln(classes)
    train.save_every_steps = 0  # the state, also after epochs; 0: by time
    train.save_every_minutes = 10.0  # where save_every_steps is 0

    # The auto-encoder of section 6.1; the paper gives no values.
    retrieval = config.retrieval = ConfigDict()
    retrieval.seed = 0
    retrieval.hidden = 512  # neurons between vector and code
    retrieval.noise = 4.0  # deviation; Salakhutdinov and Hinton 2009
    retrieval.steps = 1500  # of Adam
    retrieval.batch_size = 128
    retrieval.lr = 0.001  # falls to 0 as a cosine

    return config
