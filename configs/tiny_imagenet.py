"""202 classes of Tiny ImageNet, the full-size network, to begin others with.

66,660 training and 4,040 validation images of 64x64 pixels, none of whose
classes is one of imagenette's ten: what a network learns here is of use there
(docs/finetuning.md), and no photograph of the test has been seen.

Command:  python main.py --mode=train --config=configs/tiny_imagenet.py
          --data_dir=DIR
Hardware: 2 cores of an x86-64 server (Xeon, AMX in bfloat16), 24 GB, no GPU.
Duration: 65 minutes, at 118 to 160 images/s beside other programs, of records
          that --mode=prepare had made (--config.data.name=prepared).
Result:   63.6 % top-1 error with ten crops (95 % interval 62.1 to 65.1) and
          39.2 % top-5, of 202 classes; 36.4 % right. Without dropout it
          overfits from the seventh epoch on.
"""

from ml_collections import ConfigDict

from configs import imagenette


def get_config() -> ConfigDict:
    """imagenette's network, in larger batches and by a formula."""
    config = imagenette.get_config()
    config.data.name = "folder"
    config.model.num_classes = 0  # as many as the data has
    config.model.dropout = 0.0  # so few epochs underfit

    config.train.batch_size = 128
    config.train.lr = 0.01
    config.train.warmup_epochs = 1.0
    config.train.epochs = 8
    imagenette.fall_as_cosine(config)
    return config
