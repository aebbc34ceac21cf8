"""A folder of photographs: imagenette's network with settings of later years.

DIR holds train/<class>/* and, if there is one, val/<class>/*; or <class>/*.
docs/own-images.md says which recipe is for which size.

Command:  python main.py --mode=train --config=configs/photos.py --data_dir=DIR
Result:   none at full width. `python -m benchmarks.photos` compares these
          settings with imagenette's, on networks of a quarter of the width:
          1.9 points better with 10 photographs a class and 150 epochs, 3 to 5
          worse with 50 and 200 and fewer epochs; label smoothing alone took
          6.4 off (docs/own-images.md).
"""

from ml_collections import ConfigDict

from configs import imagenette


def get_config() -> ConfigDict:
    """imagenette's values, with crops, schedule and loss of later years."""
    config = imagenette.get_config()
    config.data.name = "folder"
    config.model.num_classes = 0  # as many as the data has
    config.data.crop_scale = 0.35

    config.train.precision = "float32"
    config.train.epochs = 60
    config.train.lr = 0.003
    config.train.warmup_epochs = 1.0
    imagenette.fall_as_cosine(config)
    config.train.weight_average = 0.999
    config.train.label_smoothing = 0.1
    return config
