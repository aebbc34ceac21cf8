"""What a weights file of any format says, in this program's terms."""

import dataclasses

import numpy as np

from alexnet_tf.weights.steps import Step


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileWeights:
    """The weights of a file, and what else it says of its network.

    Attributes:
        layers: {"conv1": (kernel, bias), ...}, float32. A kernel is
            [H, W, in, out] or [in, out], the towers' joined along `out`;
            "in" of a grouped convolution counts one tower's maps, and the
            rows of fc6 are ordered by row, column, map.
        channel_order: "rgb" or "bgr": what conv1 expects.
        steps: the `Step`s of the file's network in order; None where the
            format holds arrays alone.
        mean: float32 [side, side, 3], RGB, 0..255, or None; the side is that
            of a record, of a crop, or 1.
        config: the run's config as JSON text, where this program wrote the
            file; else None.
        dataset: what dataset.json of that run holds, or None.
    """

    layers: dict[str, tuple[np.ndarray, np.ndarray]]
    channel_order: str
    steps: tuple[Step, ...] | None = None
    mean: np.ndarray | None = None
    config: str | None = None
    dataset: dict | None = None
