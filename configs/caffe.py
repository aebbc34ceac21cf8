"""BVLC's AlexNet of 2013, bvlc_alexnet in Caffe's model zoo.

For weights of that network, and to train it anew. How it differs from the
paper, and why it matters to imported weights:

    crop 227 without zeros around it, instead of 224 with 3 rows and columns
    blue, green, red, minus one mean per colour, that of ImageNet
    LRN over all maps of a layer instead of a tower's, k 1 instead of 2,
        alpha 1e-4 divided by n
    fc6 and fc7 start with 0.005, biases of 1 are 0.1
    biases: twice the learning rate, no weight decay
    dropout scales what remains in training, not all at test time
    batches of 256, no PCA lighting
    lr divided by 10 after every 100,000 of 450,000 steps: of ImageNet's
        1.28 million images 20 epochs, and 90

conv1 and conv2 are followed by ReLU, LRN, pool as in the paper. CaffeNet, its
sister in Caffe's model zoo, pools before LRN: that is another network.

Caffe trained with a mean image and cut the crop's own part out of it; its
Python examples subtract one mean per colour, as this does.

Command:  python main.py --mode=train --config=configs/caffe.py --data_dir=DIR
Hardware: no run yet.
Result:   BVLC gives 42.9 % top-1 and 19.8 % top-5 error with the centre crop,
          ILSVRC-2012 validation. This program has not been run on ImageNet.
"""

from ml_collections import ConfigDict

from configs import paper


def get_config() -> ConfigDict:
    """Values of train_val.prototxt and solver.prototxt."""
    config = paper.get_config()

    model = config.model
    model.crop = 227
    model.channel_order = "bgr"
    model.mean = "given"
    model.mean_values = (122.679, 116.669, 104.007)
    model.lrn.scope = "layer"
    model.lrn.k = 1.0
    model.lrn.alpha = 1e-4 / 5
    model.lighting.std = 0.0
    model.dropout_kind = "inverted"
    for layer in ("fc6", "fc7"):
        model.weight_std[layer] = 0.005
    for layer in ("conv2", "conv4", "conv5", "fc6", "fc7"):
        model.bias[layer] = 0.1

    train = config.train
    train.batch_size = 256
    train.bias_lr_multiplier = 2.0
    train.decay_biases = False
    train.lr_drop_epochs = (20, 40, 60, 80)
    return config
