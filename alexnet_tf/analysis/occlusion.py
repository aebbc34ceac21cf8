"""Which parts of an image its class depends on.

M. D. Zeiler and R. Fergus: Visualizing and Understanding Convolutional
Networks, ECCV 2014, section 4.2: a grey square slides over the image.
"""

import dataclasses
import itertools

import keras
import numpy as np

from alexnet_tf.analysis.heat import heat_over
from alexnet_tf.data.augment import centre_crop
from alexnet_tf.evaluation.ten_crop import centre_crop_probabilities

GREY = 128
SHARE = 4  # the square's side is the image's divided by this
POSITIONS = 13  # of the square, in each direction
BATCH = 64
LEAST = 1e-6  # probability that counts: float32 tells no smaller ones apart


@dataclasses.dataclass(frozen=True)
class Occlusion:
    """The probability of a class with a part of the image covered.

    Attributes:
        image: uint8 [crop, crop, 3], not covered.
        square: side of the grey square, in pixels.
        unoccluded: probability of the class for the whole image.
        probabilities: float64 [POSITIONS, POSITIONS], the square's centre
            moving down and right.
    """

    image: np.ndarray
    square: int
    unoccluded: float
    probabilities: np.ndarray


def occlusion_sensitivity(
    network: keras.Model, record: np.ndarray, label: int, crop: int
) -> Occlusion:
    """Slides a grey square over the central crop of a record, edge to edge.

    Args:
        network: from uint8 crops to logits.
        record: uint8 [256, 256, 3], 0..255.
        label: of the class whose probability is measured.
        crop: side of a crop, in pixels.

    Returns:
        An `Occlusion`.
    """
    square = crop // SHARE
    first = (len(record) - crop) // 2
    starts = first + np.linspace(0, crop - square, POSITIONS).round()
    covered = np.stack([record] * (1 + POSITIONS**2))
    places = itertools.product(starts.astype(int), repeat=2)
    for i, (top, left) in enumerate(places, start=1):
        covered[i, top : top + square, left : left + square] = GREY
    probabilities = np.concatenate(
        [
            centre_crop_probabilities(network, batch, crop)[:, label]
            for batch in np.split(covered, range(BATCH, len(covered), BATCH))
        ]
    )
    return Occlusion(
        centre_crop(record, crop),
        square,
        float(probabilities[0]),
        probabilities[1:].reshape(POSITIONS, POSITIONS),
    )


def evidence_hidden(occlusion: Occlusion) -> np.ndarray:
    """How much a square at each place takes from the class, in log-odds.

    Where a class is nearly certain its probability stays near 1 whatever is
    hidden; its log-odds, ln(p / (1 - p)), fall all the same.

    Returns:
        float64 [POSITIONS, POSITIONS]; negative where hiding helps.
    """

    def log_odds(p: np.ndarray | float) -> np.ndarray:
        p = np.clip(p, LEAST, 1 - LEAST)
        return np.log(p) - np.log1p(-p)

    return log_odds(occlusion.unoccluded) - log_odds(occlusion.probabilities)


def occlusion_map(occlusion: Occlusion) -> np.ndarray:
    """`evidence_hidden` as colours over the image, see `heat_over`.

    Black is where a square takes nothing, yellow where it takes the most.

    Returns:
        uint8 [crop, crop, 3]: the colour at a pixel is that of the square
        whose centre is nearest, so the outer squares fill the border.
    """
    side = len(occlusion.image)
    centres = np.linspace(0, side - occlusion.square, POSITIONS)
    centres += occlusion.square / 2
    pixels = np.arange(side) + 0.5
    nearest = np.abs(pixels[:, None] - centres[None]).argmin(axis=1)
    hidden = np.maximum(evidence_hidden(occlusion), 0)
    return heat_over(occlusion.image, hidden[nearest][:, nearest])
