"""configs/photos.py at a quarter of the width, for a first look in minutes.

Command:  python main.py --mode=train --config=configs/photos_small.py
          --data_dir=DIR
"""

from ml_collections import ConfigDict

from configs import photos
from configs.imagenette_small import narrow


def get_config() -> ConfigDict:
    """The values of photos, with a narrow network."""
    config = photos.get_config()
    narrow(config)
    return config
