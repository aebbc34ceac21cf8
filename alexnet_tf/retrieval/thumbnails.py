"""Small copies of the indexed images, for sheets: the source may be gone."""

import pathlib

import numpy as np
import tensorflow as tf

from alexnet_tf.retrieval.rows_file import RowsFile

SIDE = 96
JPEG_QUALITY = 85
FILE = "thumbnails.jpegs"  # one JPEG file after the other
ENDS_FILE = "thumbnails.npy"  # where each ends, int64 [N]


class ThumbnailWriter:
    """Writes the thumbnails of an index, a context manager.

    Args:
        folder: of the index.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._path = folder / FILE
        self._ends = RowsFile(folder / ENDS_FILE, (), np.int64)

    def __enter__(self) -> "ThumbnailWriter":
        self._file = open(self._path, "wb")
        self._ends.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ends.__exit__(*exception)
        self._file.close()

    def append(self, records: tf.Tensor) -> None:
        """Adds records, uint8 [B, 256, 256, 3]."""
        for jpeg in _encode(records).numpy():
            self._file.write(jpeg)
            self._ends.append([self._file.tell()])


class Thumbnails:
    """The thumbnails of an index, by row.

    Args:
        folder: of the index.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._path = folder / FILE
        self._ends = np.load(folder / ENDS_FILE, mmap_mode="r")

    def __getitem__(self, row: int) -> np.ndarray:
        """uint8 array [96, 96, 3] of an image."""
        begin = int(self._ends[row - 1]) if row else 0
        with open(self._path, "rb") as file:
            file.seek(begin)
            jpeg = file.read(int(self._ends[row]) - begin)
        return tf.io.decode_jpeg(jpeg, channels=3).numpy()


def thumbnail(records: tf.Tensor) -> tf.Tensor:
    """uint8 [B, 256, 256, 3] to uint8 [B, 96, 96, 3]."""
    small = tf.image.resize(records, [SIDE, SIDE], method="area")
    return tf.cast(tf.round(small), tf.uint8)


@tf.function(
    input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)],
)
def _encode(records: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(
        lambda image: tf.io.encode_jpeg(image, quality=JPEG_QUALITY),
        thumbnail(records),
        fn_output_signature=tf.string,
    )
