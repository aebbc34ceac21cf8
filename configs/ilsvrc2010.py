"""AlexNet on ILSVRC-2010, as the paper's first table was made: 145-2010.

The contest whose test set has public labels. TFDS has no such set, so the
images come from folders, `train/CLASS/` and `val/CLASS/`, the latter those to
be tested on. The network is that of configs/original2012.py.

Schedule: lr divided by 10 after 23, 51 and 78 epochs; conv1 0.00001 and
lighting off after 68, conv1 frozen after 72, end after 93.

Not certain: the biases end with 0.002 in the released file, nobody knows since
when; here they keep 0.02.

Command:  python main.py --mode=train --config=configs/ilsvrc2010.py
          --data_dir=DIR
Hardware: no run yet.
Result:   the paper, test set: 37.5 % top-1 and 17.0 % top-5 error with ten
          crops, 39.0 % and 18.3 % with the centre crop. This program has not
          been run on these images.
"""

from ml_collections import ConfigDict

from configs import original2012


def get_config() -> ConfigDict:
    """The network of 2012; a folder of images and another schedule."""
    config = original2012.get_config()
    config.data.name = "folder"

    train = config.train
    train.epochs = 93
    train.lr_drop_epochs = (23, 51, 78)
    train.layer_lrs = (("conv1", 68, 1e-5), ("conv1", 72, 0.0))
    train.lighting_epochs = 68
    return config
