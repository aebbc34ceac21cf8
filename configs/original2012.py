"""AlexNet as the code of 2012 trained it, where that differs from the paper.

The source that the Computer History Museum released has a configuration,
number 145, whose log ends with the paper's numbers. Its differences:

    weights start with 0.03 in conv3, conv4 and conv5
    biases: lr 0.02 from beginning to end, no weight decay
    LRN: alpha 1e-4 is divided by n
    conv1: LRN of the signed output, then pool, then ReLU
    a second norm after conv2's LRN, over 5x5 units of the same map
    lighting: 0.1 N(0, 1) times the square root of the eigenvalue, on 0..255;
        then pixels are divided by 1.1; neither happens at test time or once
        the lighting is off
    32 images that follow each other have one crop and mirror
    schedule by hand: lr divided by 10 after 25, 51 and 79 epochs, the end after
        91; conv1's lr 0.00001 after 67, frozen after 72; no lighting after 67

Not certain: the k of the second norm, whose source is missing; that conv1's
biases keep their 0.02 until it is frozen; whether the log counts an epoch when
it begins or ends.

Command:  python main.py --mode=train --config=configs/original2012.py
          --data_dir=DIR
Hardware: Krizhevsky's: two GTX 580 with 3 GB. This program: no run yet.
Result:   the paper, ILSVRC-2012 validation, ten crops: 40.7 % top-1 and
          18.2 % top-5 error. This program has not been run on ImageNet.
"""

from ml_collections import ConfigDict

from configs import paper


def get_config() -> ConfigDict:
    """The values of configuration 145."""
    config = paper.get_config()
    config.data.crop_shared_by = 32

    model = config.model
    for layer in ("conv3", "conv4", "conv5"):
        model.weight_std[layer] = 0.03
    model.lrn.alpha = 1e-4 / 5
    model.conv1_order = "lrn_pool_relu"
    model.same_map_norm.size = 5
    model.lighting.scale = "square_roots"
    model.lighting.divisor = 1.1

    train = config.train
    train.epochs = 91
    train.bias_lr = 0.02
    train.decay_biases = False
    train.lr_drop_epochs = (25, 51, 79)
    train.layer_lrs = (("conv1", 67, 1e-5), ("conv1", 72, 0.0))
    train.lighting_epochs = 67
    return config
