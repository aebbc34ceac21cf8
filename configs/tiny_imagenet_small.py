"""A quarter of the width on 202 classes of Tiny ImageNet, to begin others with.

66,660 training and 4,040 validation images of 64x64 pixels, none of whose
classes is one of imagenette's ten: what a network learns here is of use there
(docs/finetuning.md), and no photograph of the test has been seen.

Command:  python main.py --mode=train --config=configs/tiny_imagenet_small.py
          --data_dir=DIR
Hardware: 2 cores of an x86-64 server (Xeon, AVX-512), 24 GB, no GPU.
Duration: 3 minutes an epoch at 362 images/s, up to 12 beside other programs.
Result:   71.3 % top-1 error with ten crops (95 % interval 69.9 to 72.7) and
          46.7 % top-5, of 202 classes; 28.7 % right.
"""

from ml_collections import ConfigDict

from configs import imagenette_small


def get_config() -> ConfigDict:
    """imagenette_small's network, in larger batches and by a formula."""
    config = imagenette_small.get_config()
    config.data.name = "folder"
    config.model.num_classes = 0  # as many as the data has
    config.model.dropout = 0.0  # so few epochs underfit

    config.train.batch_size = 64
    config.train.lr = 0.01
    config.train.warmup_epochs = 1.0  # without it this rate kills the ReLUs
    config.train.epochs = 10
    config.train.lr_drop_epochs = ()
    config.train.lr_schedule.kind = "cosine"
    config.train.lr_schedule.factor = 100.0
    return config
