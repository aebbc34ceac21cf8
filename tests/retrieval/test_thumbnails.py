"""Thumbnails are found again by their row."""

import numpy as np

from alexnet_tf.retrieval.thumbnails import Thumbnails, ThumbnailWriter


def test_each_row_has_its_own_image(tmp_path):
    colours = np.array(
        [[250, 20, 20], [20, 250, 20], [20, 20, 250], [90, 90, 90]], np.uint8
    )
    records = np.tile(colours[:, None, None], (1, 256, 256, 1))
    with ThumbnailWriter(tmp_path) as writer:
        writer.append(records[:3])
        writer.append(records[3:])
    thumbnails = Thumbnails(tmp_path)
    for row in (3, 0, 2, 1):
        image = thumbnails[row]
        assert image.shape == (96, 96, 3)
        # JPEG rounds.
        assert np.abs(image.astype(int) - colours[row]).max() <= 4
