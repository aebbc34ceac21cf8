"""How much each part of an image counts, as colours over it."""

import matplotlib
import numpy as np

OVER = 0.65  # share of the colours in the picture; the image has the rest
LEAST = 1e-6  # stands for a largest heat of 0


def heat_over(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Heat as colours over an image, made grey and fainter.

    From black, where it is 0, to yellow, where it is the largest of this
    image.

    Args:
        image: uint8 [H, W, 3].
        heat: float [H, W], at least 0.

    Returns:
        uint8 [H, W, 3].
    """
    colours = matplotlib.colormaps["inferno"](heat / max(heat.max(), LEAST))
    grey = image.mean(axis=-1, keepdims=True)
    over = OVER * 255 * colours[..., :3] + (1 - OVER) * grey
    return np.round(over).astype(np.uint8)
