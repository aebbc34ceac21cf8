"""The index folder: the fc7 vectors of a set's training images.

index.json         what it is, and which weights made it; written last
vectors.npy        the vectors, [N, 4096], float32 or float16
vectors.faiss      for a search that is not exact, see `vector_search`
images.csv         row of the vectors, id, label, class and name of each image
thumbnails.*       small copies of the images, see `thumbnails`
codes-128/ ...     binary codes, see `codes`
"""

import csv
import dataclasses
import json
import pathlib

import numpy as np

from alexnet_tf.data.image_set import Source
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import new_folder, readable, writable
from alexnet_tf.files.csv import text_of, write_csv
from alexnet_tf.files.text import counted, read_text
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.retrieval.rows_file import RowsFile
from alexnet_tf.retrieval.thumbnails import Thumbnails, ThumbnailWriter
from alexnet_tf.retrieval.vector_search import (
    VectorSearch,
    open_search,
    write_search_file,
)
from alexnet_tf.run.folder import Run
from alexnet_tf.terminal.command import command
from alexnet_tf.terminal.progress import ProgressReport

VERSION = 1
INDEX_FILE = "index.json"
VECTORS_FILE = "vectors.npy"
SEARCH_FILE = "vectors.faiss"
IMAGES_FILE = "images.csv"
IMAGES_PER_BATCH = 128


@dataclasses.dataclass(frozen=True, slots=True)
class IndexedImage:
    """An image of an index.

    Attributes:
        id: of the example in its split.
        label: number of its class.
        class_name: name of its class.
        name: what a person can find it by.
    """

    id: int
    label: int
    class_name: str
    name: str


class ImageIndex:
    """An index folder, opened to be searched.

    Args:
        path: of the folder.

    Attributes:
        path: of the folder.
        description: the dict in index.json.
        vectors: memory-mapped [N, D] array.
        images: list of `IndexedImage`s, one per vector.
        thumbnails: `Thumbnails`.

    Raises:
        UserError: there is no index, or it cannot be read.
    """

    def __init__(self, path: str | pathlib.Path) -> None:
        self.path = pathlib.Path(path)
        file = self.path / INDEX_FILE
        if not file.is_file():
            raise UserError(
                f"there is no index in {path}: make one with "
                f"{command('index', run='RUN', index_dir=path)}"
            )
        with readable(file):
            self.description = json.loads(read_text(file))
        version = self.description.get("version")
        if version != VERSION:
            raise UserError(
                f"{file} is of version {version}, this program reads version "
                f"{VERSION}: make the index again"
            )
        with readable(self.path):
            self.vectors = np.load(self.path / VECTORS_FILE, mmap_mode="r")
            self.images = _read_images(self.path / IMAGES_FILE)
            self.thumbnails = Thumbnails(self.path)

    def check_made_with(self, run: Run) -> None:
        """Raises `UserError` unless a run's weights made the vectors."""
        if self.description["weights_sha256"] != run.weights_sha256():
            raise UserError(
                f"{self.path} was made with other weights, those of "
                f"{self.description['run']}, than {run.path} has now: name "
                "that run, or make the index again"
            )

    def check_holds(self, count: int) -> None:
        """Raises `UserError` if it has fewer than `count` images."""
        if len(self.images) < count:
            raise UserError(
                f"{self.path} holds {counted(len(self.images), 'image')}"
                ", fewer than "
                f"--neighbours={count}: ask for fewer"
            )

    def open_search(self) -> VectorSearch:
        """The `VectorSearch` that the index was made for."""
        file = self.path / SEARCH_FILE
        with readable(file):
            return open_search(file, self.vectors, self.description["kind"])


def write_index(
    path: str | pathlib.Path,
    run: Run,
    fc7: Fc7,
    source: Source,
    records: Records,
    kind: str,
    dtype: str,
) -> np.ndarray:
    """Writes an index folder, completely or not at all; images are streamed.

    Args:
        path: of the folder, absent or empty.
        run: the `Run` whose weights `fc7` has.
        fc7: `Fc7`.
        source: the `Source` of the images.
        records: `Records` of its training split.
        kind: one of `vector_search.KINDS`.
        dtype: float32, or float16 at half the size.

    Returns:
        Ids of the images in it, int64 [N].

    Raises:
        UserError: not one image can be decoded, a vector does not fit into
            `dtype`, or the folder is there already or cannot be written.
    """
    with writable(f"--index_dir={path}"), new_folder(path) as folder:
        ids = _write_images(folder, fc7, source, records, dtype)
        vectors = np.load(folder / VECTORS_FILE, mmap_mode="r")
        if kind != "flat":
            write_search_file(folder / SEARCH_FILE, vectors, kind)
        description = {
            "version": VERSION,
            "run": str(pathlib.Path(run.path).resolve()),
            "weights_sha256": run.weights_sha256(),
            "dataset": source.name,
            "licence": source.licence,
            "images": len(ids),
            "dimensions": fc7.dimensions,
            "dtype": dtype,
            "kind": kind,
        }
        (folder / INDEX_FILE).write_text(json.dumps(description, indent=2))
    return ids


def _write_images(
    folder: pathlib.Path, fc7: Fc7, source: Source, records: Records, dtype: str
) -> np.ndarray:
    rows = []
    with (
        RowsFile(folder / VECTORS_FILE, [fc7.dimensions], dtype) as vectors,
        ThumbnailWriter(folder) as thumbnails,
        ProgressReport("fc7", records.size) as progress,
    ):
        for batch in records.dataset().batch(IMAGES_PER_BATCH).prefetch(2):
            vectors.append(_fitting(fc7(batch["image"]), dtype))
            thumbnails.append(batch["image"])
            for number, label in zip(
                batch["id"].numpy(), batch["label"].numpy(), strict=True
            ):
                class_name = source.class_names[label]
                name = records.split.name_of(int(number))
                rows.append((len(rows), number, label, class_name, name))
            progress.advance(len(batch["id"]))
    if not rows:
        raise UserError("not one image of the split can be decoded")
    header = ("row", "id", "label", "class", "name")
    write_csv(folder / IMAGES_FILE, header, rows)
    return np.array([number for _, number, *_ in rows])


def _fitting(vectors: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        vectors = vectors.astype(dtype)
    if not np.all(np.isfinite(vectors)):
        raise UserError(
            f"fc7 has values that are not finite as {dtype}: choose "
            "--index_dtype=float32, or a run whose training did not diverge"
        )
    return vectors


def _read_images(file: pathlib.Path) -> list[IndexedImage]:
    # Names of files need not be UTF-8.
    with open(
        file, newline="", encoding="utf-8-sig", errors="surrogateescape"
    ) as opened:
        return [
            IndexedImage(
                int(row["id"]),
                int(row["label"]),
                text_of(row["class"]),
                text_of(row["name"]),
            )
            for row in csv.DictReader(opened)
        ]
