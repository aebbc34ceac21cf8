"""AlexNet as the paper's text has it, for the images of ILSVRC-2010.

The contest whose test set has public labels: the paper's first table. TFDS
has no such set, so the images come from folders, `train/CLASS/` and
`val/CLASS/`, the latter those to be tested on. All other values are the
paper's.

Command:  python main.py --mode=train --config=configs/ilsvrc2010.py
          --data_dir=DIR
Hardware: no run yet.
Result:   the paper, test set: 37.5 % top-1 and 17.0 % top-5 error with ten
          crops, 39.0 % and 18.3 % with the centre crop. This program has not
          been run on these images.
"""

from configs import paper


def get_config():
    """The paper's values; a folder of images."""
    config = paper.get_config()
    config.data.name = "folder"
    return config
