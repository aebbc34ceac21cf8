"""What the network has learned, in pictures."""

from alexnet_tf.analysis.feature_maps import SHOWN, map_sheets
from alexnet_tf.analysis.kernels import colourfulness, kernel_sheet
from alexnet_tf.analysis.occlusion import occlusion_map
from alexnet_tf.report.markup import drawing, joined, photograph, tag
from alexnet_tf.report.page import Section

COLUMNS = 8  # of kernels and maps: readable on a phone
RIGHT = "✓ "


def kernels_section(towers):
    """The kernels of conv1, a block for each tower.

    Args:
        towers: see `analysis.kernels.conv1_kernels`.
    """
    explanation = tag(
        "p",
        "Mid-grey is a weight of 0, and every kernel is scaled by its own "
        "largest weight. Colourfulness is the share of a kernel's energy off "
        "the grey axis, here the mean of a tower: 0 is blind to colour, 1 "
        "sees nothing else, and noise, as at the start of training, has 0.67. "
        "In the paper one tower's kernels became largely colour-agnostic, the "
        "other's colour-specific.",
    )
    blocks = (
        tag(
            "figure",
            drawing(
                kernel_sheet(kernels, COLUMNS),
                f"{len(kernels)} kernels of tower {tower}",
            ),
            tag(
                "figcaption",
                tag("strong", f"Tower {tower}"),
                f": {len(kernels)} kernels, colourfulness "
                f"{colourfulness(kernels).mean():.2f}",
            ),
        )
        for tower, kernels in enumerate(towers)
    )
    return Section(
        "kernels",
        "Kernels of conv1",
        joined(explanation, tag("div", *blocks, class_="towers")),
    )


def predictions_section(predictions, class_names, name_of):
    """Images with their most probable labels, the right one marked.

    Args:
        predictions: see `analysis.predictions.predict_examples`.
        class_names: one per label.
        name_of: from an id to the image's name.
    """
    cards = (
        tag(
            "figure",
            photograph(p.image, f"test image: {class_names[p.label]}"),
            tag(
                "figcaption",
                tag("strong", class_names[p.label]),
                tag("ol", *_guesses(p, class_names), class_="guesses"),
            ),
            title=name_of(p.id),
        )
        for p in predictions
    )
    explanation = tag(
        "p",
        "Validation images chosen at random and their most probable labels, "
        f"averaged over ten crops. {RIGHT.strip()} marks the right one.",
    )
    return Section(
        "predictions",
        "Predictions",
        joined(explanation, tag("div", *cards, class_="cards")),
    )


def _guesses(prediction, class_names):
    for guess, probability in zip(
        prediction.guesses, prediction.probabilities, strict=True
    ):
        is_right = guess == prediction.label
        yield tag(
            "li",
            tag("span", RIGHT * is_right, class_names[guess]),
            tag("span", f"{probability:.1%}"),
            class_="right" if is_right else None,
            style=f"--share: {probability:.3f}",
        )


def neighbours_section(examples, neighbours, class_names, searched, total):
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
    explanation = tag(
        "p",
        "A validation image, then the training images whose fc7 vectors have "
        f"the smallest Euclidean distance from its own, among {which}. The "
        f"number is the distance; {RIGHT.strip()} marks the same class.",
    )
    rows = (
        tag(
            "div",
            _tile(
                example["image"],
                f"test image: {class_names[example['label']]}",
                tag("strong", class_names[example["label"]]),
                "query",
            ),
            *(
                _tile(
                    n.image,
                    f"training image: {class_names[n.label]}",
                    joined(
                        RIGHT * (n.label == example["label"]),
                        class_names[n.label],
                        tag("span", f" {n.distance:.1f}", class_="quiet"),
                    ),
                )
                for n in found
            ),
            class_="neighbours",
        )
        for example, found in zip(examples, neighbours, strict=True)
    )
    return Section(
        "neighbours", "Nearest training images", joined(explanation, *rows)
    )


def _tile(image, alt, caption, class_=None):
    return tag(
        "figure",
        photograph(image, alt),
        tag("figcaption", caption),
        class_=class_,
    )


def feature_maps_section(image, class_name, maps):
    """An image and what each convolution makes of it.

    Args:
        image: uint8 [crop, crop, 3].
        class_name: of the image.
        maps: see `analysis.feature_maps.feature_maps`.
    """
    explanation = tag(
        "p",
        "The central crop of the first image above and the activations that "
        "it causes: black is 0, white the largest of the layer, and the grey "
        "between grows with the square root. Each tower shows its first "
        f"{SHOWN} maps.",
    )
    seen = tag(
        "figure",
        photograph(image, f"test image: {class_name}"),
        tag("figcaption", class_name),
        class_="seen",
    )
    layers = (_layer(name, towers) for name, towers in maps.items())
    return Section("maps", "Feature maps", joined(explanation, seen, *layers))


def _layer(name, towers):
    height, width, count = towers[0].shape
    sheets = (
        tag(
            "figure",
            drawing(sheet, f"maps of {name}, tower {tower}"),
            tag("figcaption", f"Tower {tower}"),
        )
        for tower, sheet in enumerate(map_sheets(towers, COLUMNS))
    )
    return joined(
        tag("h3", f"{name}: {count} maps of {height}x{width} in a tower"),
        tag("div", *sheets, class_="towers"),
    )


def occlusion_section(occlusions, names):
    """Images and how probable their class is with a part covered.

    Args:
        occlusions: `analysis.occlusion.Occlusion`s.
        names: the class of each.
    """
    explanation = tag(
        "p",
        f"A grey square of {occlusions[0].square}x{occlusions[0].square} "
        "pixels slides over the image (Zeiler and Fergus 2014). The map has "
        "the probability of the right class at the place of the square: from "
        "0, dark, to the largest, bright. Where it is dark, the square hides "
        "what the class depends on.",
    )
    pairs = (
        tag(
            "figure",
            tag(
                "div",
                photograph(o.image, f"test image: {name}"),
                drawing(
                    occlusion_map(o),
                    f"probability of {name} with a part hidden",
                ),
                class_="pair",
            ),
            tag(
                "figcaption",
                tag("strong", name),
                f": {o.unoccluded:.1%} uncovered; covered, from "
                f"{o.probabilities.min():.1%} to {o.probabilities.max():.1%}",
            ),
        )
        for o, name in zip(occlusions, names, strict=True)
    )
    return Section(
        "occlusion",
        "Occlusion",
        joined(explanation, tag("div", *pairs, class_="pairs")),
    )
