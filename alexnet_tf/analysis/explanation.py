"""Why an image gets its most probable classes: a sheet for each image."""

import hashlib
import os
import pathlib
from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np

from alexnet_tf.analysis.grad_cam import Evidence
from alexnet_tf.analysis.predictions import shortened
from alexnet_tf.files.atomic import writable
from alexnet_tf.files.figures import literal, save_figure

PANEL = 2.2  # inches
LONGEST_NAME = 255  # bytes of a file's name that file systems take


class Explanations:
    """A folder with a PNG file for each image that is explained.

    It shows the central crop and, laid over it, the evidence for each of the
    classes by Grad-CAM. The probabilities are those of the prediction.

    Args:
        folder: for the pictures; made if absent. They lie in it as the images
            do below the folder that all of them have in common, with .png
            behind the image's name; a name that becomes too long so ends in a
            digest of it.
        files: all images.
        evidence: of the network.
    """

    def __init__(
        self,
        folder: str | pathlib.Path,
        files: Iterable[str],
        evidence: Evidence,
    ) -> None:
        self._folder = pathlib.Path(folder)
        places = {os.path.dirname(os.path.abspath(file)) for file in files}
        self._common = os.path.commonpath(places)
        self._evidence = evidence
        self.written = 0

    def path_of(self, file: str) -> pathlib.Path:
        """Where the picture of an image lies."""
        place, name = os.path.split(
            os.path.relpath(os.path.abspath(file), self._common)
        )
        content = os.fsencode(name)
        if len(content) + len(".png") > LONGEST_NAME:
            digest = hashlib.sha256(content).hexdigest()[:8]
            # Characters that are cut through are left out.
            start = content[: LONGEST_NAME - len(f"-{digest}.png")]
            name = f"{start.decode('utf-8', 'ignore')}-{digest}"
        return self._folder / place / f"{name}.png"

    def write(
        self,
        file: str,
        record: np.ndarray,
        classes: Sequence[int],
        captions: Sequence[str],
    ) -> None:
        """Writes the picture of an image.

        Args:
            file: of the image.
            record: uint8 [256, 256, 3], 0..255.
            classes: labels, the most probable first.
            captions: name and probability of each.

        Raises:
            UserError: it cannot be written.
        """
        crops, pictures = self._evidence(
            np.stack([record] * len(classes)), np.array(classes)
        )
        path = self.path_of(file)
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _draw(path, [crops[0], *pictures], ["central crop", *captions])
        self.written += 1


def _draw(
    path: pathlib.Path, images: Sequence[np.ndarray], titles: Sequence[str]
) -> None:
    """Images beside each other, three in a row."""
    columns = min(3, len(images))
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(PANEL * columns, (PANEL + 0.3) * rows),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(literal(shortened(title, 30)), fontsize=9)
    save_figure(figure, path)
