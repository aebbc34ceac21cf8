"""What the network has learned, in pictures."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from alexnet_tf.analysis.feature_maps import SHOWN, map_sheets
from alexnet_tf.analysis.kernels import colourfulness, grey_part, kernel_sheet
from alexnet_tf.analysis.mistake_gallery import ShownLabelError, ShownMistake
from alexnet_tf.analysis.neighbours import Neighbour
from alexnet_tf.analysis.occlusion import Occlusion, occlusion_map
from alexnet_tf.analysis.predictions import LabelledPrediction
from alexnet_tf.files.text import counted, printable
from alexnet_tf.report.page import Section
from alexnet_tf.report.rendering import render

COLUMNS = 8  # of kernels and maps: readable on a phone

AT_ONCE = 12  # mistakes that are shown without a click


def kernels_section(towers: list[np.ndarray], is_grey: bool = False) -> Section:
    """The kernels of conv1, a block for each tower.

    Args:
        towers: see `analysis.kernels.conv1_kernels`.
        is_grey: whether the network has seen grey images only.
    """
    if is_grey:
        towers = [grey_part(kernels) for kernels in towers]
    sheets = [
        (
            kernel_sheet(kernels, COLUMNS),
            len(kernels),
            colourfulness(kernels).mean(),
        )
        for kernels in towers
    ]
    body = render("kernels", towers=sheets, is_grey=is_grey)
    return Section("kernels", "Kernels of conv1", body)


def predictions_section(
    predictions: list[LabelledPrediction],
    class_names: Sequence[str],
    name_of: Callable[[int], str],
) -> Section:
    """Images with their most probable labels, the right one marked.

    Args:
        predictions: see `analysis.predictions.predict_examples`.
        class_names: one per label.
        name_of: from an id to the image's name.
    """
    body = render(
        "predictions",
        predictions=predictions,
        class_names=class_names,
        name_of=name_of,
        guesses=lambda p: zip(p.guesses, p.probabilities, strict=True),
    )
    return Section("predictions", "Predictions", body)


def neighbours_section(
    examples: list[dict[str, Any]],
    neighbours: list[list[Neighbour]],
    class_names: Sequence[str],
    searched: int,
    total: int,
) -> Section:
    """Images and those that have the nearest fc7 vectors.

    Args:
        examples: the images asked for, see
            `analysis.sample_images.examples_of`.
        neighbours: a list of `analysis.neighbours.Neighbour`s for each.
        class_names: one per label.
        searched: number of training images that were searched.
        total: number of training images.
    """
    which = (
        f"all {total:,} training images"
        if searched == total
        else f"{searched:,} of {total:,} training images, chosen at random"
    )
    body = render(
        "neighbours",
        rows=list(zip(examples, neighbours, strict=True)),
        class_names=class_names,
        which=which,
    )
    return Section("neighbours", "Nearest training images", body)


def feature_maps_section(
    image: np.ndarray, class_name: str, maps: dict[str, list[np.ndarray]]
) -> Section:
    """An image and what each convolution makes of it.

    Args:
        image: uint8 [crop, crop, 3].
        class_name: of the image.
        maps: see `analysis.feature_maps.feature_maps`.
    """
    layers = []
    for name, towers in maps.items():
        height, width, count = towers[0].shape
        shape = f"{count} maps of {height}x{width}"
        layers.append((name, shape, map_sheets(towers, COLUMNS)))
    body = render(
        "maps", image=image, class_name=class_name, layers=layers, shown=SHOWN
    )
    return Section("maps", "Feature maps", body)


def occlusion_section(
    occlusions: list[Occlusion], names: Iterable[str]
) -> Section:
    """Images and how probable their class is with a part covered.

    Args:
        occlusions: `analysis.occlusion.Occlusion`s.
        names: the class of each.
    """
    shown = [
        (
            *(o.image, occlusion_map(o), name, f"{o.unoccluded:.1%}"),
            f"{o.probabilities.min():.1%}",
            f"{o.probabilities.max():.1%}",
        )
        for o, name in zip(occlusions, names, strict=True)
    ]
    body = render("occlusion", occlusions=shown, square=occlusions[0].square)
    return Section("occlusion", "Occlusion", body)


def mistakes_section(
    shown: list[ShownMistake], wrong: int, layer: str
) -> Section:
    """The most confident mistakes and what spoke for the guess.

    Args:
        shown: the most confident first.
        wrong: how many images are mistakes.
        layer: whose maps Grad-CAM weighs.
    """
    body = render(
        "mistakes",
        groups=[shown[:AT_ONCE], shown[AT_ONCE:]],
        shown=len(shown),
        wrong=wrong,
        images=counted(wrong, "image was", "images were"),
        layer=layer,
        printable=printable,
    )
    return Section("mistakes", "Most confident mistakes", body)


def label_errors_section(
    shown: list[ShownLabelError], suspected: int, samples: int
) -> Section:
    """Images whose label is probably wrong, the likeliest first.

    Args:
        shown: those with their images.
        suspected: how many there are.
        samples: how many images were evaluated.
    """
    body = render(
        "label_errors",
        shown=shown,
        suspected=suspected,
        samples=counted(samples, "image"),
        printable=printable,
    )
    return Section("label_errors", "Probable label errors", body)
