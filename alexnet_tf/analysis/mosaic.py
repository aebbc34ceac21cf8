"""Small pictures side by side."""

import math

import numpy as np


def mosaic(
    tiles: np.ndarray, columns: int, enlarge: int = 1, gap: int = 4
) -> np.ndarray:
    """Places tiles in rows, from the upper left, on nothing.

    Args:
        tiles: uint8 [N, H, W, 3], N at least 1.
        columns: tiles in a row.
        enlarge: every pixel becomes a square of so many.
        gap: pixels between two tiles.

    Returns:
        uint8 [H', W', 4]: red, green, blue and alpha, which is 0 where no
        tile is.
    """
    tiles = tiles.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    count, height, width, _ = tiles.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    sheet = np.zeros(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 4),
        np.uint8,
    )
    for i, tile in enumerate(tiles):
        top = i // columns * (height + gap)
        left = i % columns * (width + gap)
        place = sheet[top : top + height, left : left + width]
        place[..., :3] = tile
        place[..., 3] = 255
    return sheet
