"""The kernels of conv1 (Krizhevsky et al. 2012, figure 3)."""

import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

from alexnet_tf.analysis.mosaic import mosaic
from alexnet_tf.files.figures import DPI, save_figure

ENLARGE, GAP = 4, 4  # pixels
COLUMNS = 16  # as in the paper, three rows of each tower
HEADING = 30  # pixels above a tower's kernels


def conv1_kernels(
    network: keras.Model, channel_order: str = "rgb"
) -> list[np.ndarray]:
    """What conv1 has learned.

    Args:
        network: the two-tower network, or one tower.
        channel_order: "rgb", or "bgr" where the first channel that the
            kernels see is blue.

    Returns:
        One float32 [N, height, width, 3] array per tower, red first.
    """
    kernels = [
        np.moveaxis(kernel.numpy(), -1, 0)
        for kernel in network.get_layer("conv1").kernels
    ]
    if channel_order == "bgr":
        return [tower[..., ::-1] for tower in kernels]
    return kernels


def trained_on_grey(network: keras.Model) -> bool:
    """Whether all training images were grey, as their mean image tells.

    Then red, green and blue of a kernel have had the same gradients, and what
    differs between them is what was drawn at the start.
    """
    mean = network.get_layer("mean").mean.numpy()
    return bool(np.any(mean) and np.all(mean == mean[..., :1]))


def grey_part(kernels: np.ndarray) -> np.ndarray:
    """What kernels make of grey images: the mean over their three colours.

    Args:
        kernels: [N, height, width, 3].

    Returns:
        An array like it, the three colours of a weight equal.
    """
    grey = kernels.mean(axis=-1, keepdims=True)
    return np.broadcast_to(grey, kernels.shape)


def colourfulness(kernels: np.ndarray) -> np.ndarray:
    """How much of each kernel's energy lies off the grey axis.

    The energy of a kernel is the sum of its squared weights; what is grey of
    a pixel's three weights is their projection on (1, 1, 1).

    Args:
        kernels: [N, height, width, 3].

    Returns:
        float64 [N]: 0 for a kernel that sees no colour, 1 for one that sees
        nothing else (as red against green), 2/3 for weights that are
        independent noise.
    """
    kernels = np.asarray(kernels, np.float64)
    energy = np.sum(kernels**2, axis=(1, 2, 3))
    grey = np.sum(kernels.sum(axis=-1) ** 2 / 3, axis=(1, 2))
    return 1 - np.divide(grey, energy, out=np.ones_like(grey), where=energy > 0)


def kernel_sheet(kernels: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Kernels as colours: mid-grey is a weight of 0.

    Every kernel is scaled by its own largest weight, so that shapes can be
    compared, not strengths.

    Args:
        kernels: [N, height, width, 3], red first.
        columns: kernels in a row.

    Returns:
        uint8 RGBA, see `mosaic`.
    """
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    scaled = kernels / np.maximum(largest, np.finfo(np.float32).tiny)
    pixels = np.round(127.5 + 127.5 * scaled).astype(np.uint8)
    return mosaic(pixels, columns, ENLARGE, GAP)


def draw_kernels(path: pathlib.Path, towers: list[np.ndarray]) -> None:
    """Draws figure 3: a block of kernels for each tower, one below another.

    A pixel of `kernel_sheet` is a pixel of the PNG file.

    Args:
        path: of the PNG file.
        towers: as `conv1_kernels` returns them.
    """
    sheets = [kernel_sheet(tower) for tower in towers]
    width = max(320, *(sheet.shape[1] for sheet in sheets)) + 2 * GAP
    height = sum(sheet.shape[0] + HEADING + GAP for sheet in sheets)
    figure = plt.figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    top = height
    for tower, (kernels, sheet) in enumerate(zip(towers, sheets, strict=True)):
        figure.text(
            GAP / width,
            (top - HEADING / 2) / height,
            f"tower {tower}: {len(kernels)} kernels, colourfulness "
            f"{colourfulness(kernels).mean():.2f}",
            va="center",
        )
        top -= HEADING + sheet.shape[0]
        figure.figimage(sheet, GAP, top)
        top -= GAP
    save_figure(figure, path)
