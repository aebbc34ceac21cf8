"""A folder of photographs: imagenette's network with settings of later years.

DIR holds train/<class>/* and, if there is one, val/<class>/*; or <class>/*.
docs/own-images.md says which recipe is for which size.

Command:  python main.py --mode=train --config=configs/photos.py --data_dir=DIR
Result:   none at full width. `python -m benchmarks.photos` compares these
          settings with imagenette's on 10 to 950 photographs a class; it has
          not been run to its end. configs/photos_small.py, for 4 epochs in
          batches of 8: 7 of 27 photographs of three classes wrong after
          training on 243.
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
