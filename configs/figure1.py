"""Figure 1 of the paper: ReLU against tanh on CIFAR-10.

"A four-layer convolutional neural network with ReLUs reaches a 25% training
error rate on CIFAR-10 six times faster than an equivalent network with tanh
neurons", each with its own best learning rate, no regularization (section
3.1). The paper does not describe that network; this is the one of
cuda-convnet's CIFAR-10 example without its normalization: three convolutions
with pooling and a softmax layer.

Command:  python main.py --mode=figure1 --config=configs/figure1.py
          --data_dir=DIR --download
"""

from ml_collections import ConfigDict


def get_config():
    """The comparison's values."""
    config = ConfigDict()
    config.data_name = "cifar10"  # or folder; small images of one size
    config.kernels = (32, 32, 64)  # of three 5x5 convolutions
    config.kernel_size = 5
    # Deviations of the initial weights of the four layers; (): LeCun's, which
    # keep the variance of the signal. cuda-convnet's example had 0.0001, 0.01,
    # 0.01, 0.1; its first is of pixels 64 times as large as ours.
    config.weight_std = ()
    config.pool_size = 3
    config.pool_stride = 2
    config.batch_size = 128
    config.momentum = 0.9
    config.target_error = 0.25  # of the training images, sec. 3.1
    config.error_images = 10_000  # training images it is measured on
    config.most_epochs = 100  # the axis of figure 1 ends at 40
    config.first_lr = 0.01  # the search goes up and down from here
    config.lr_factor = 3.0  # between neighbouring learning rates
    config.seeds = 3  # runs at the best learning rate
    return config
