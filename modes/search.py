"""--mode=search: the images of an index that are nearest to image files."""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from alexnet_tf.data.named_images import files_of
from alexnet_tf.files.atomic import writable
from alexnet_tf.files.text import printable
from alexnet_tf.options import Options
from alexnet_tf.retrieval.codes import open_codes
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.retrieval.image_index import ImageIndex, IndexedImage
from alexnet_tf.retrieval.sheet import draw_sheet
from alexnet_tf.retrieval.thumbnails import thumbnail
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import load_trained
from modes.image_files import (
    UnusableImage,
    read_record,
    report_failed,
    with_progress,
)

SHEET = "search.png"
SHEET_ROWS = 50  # a picture with more is more than can be looked at


def main(options: Options) -> int:
    """Prints and draws the nearest images; returns the exit code.

    A file that cannot be used is reported in its place, and the exit code is
    2 once all files are done.
    """
    files = files_of(options.images, "--mode=search needs --image=FILE")
    run, index = _run_and_index(options)
    index.check_made_with(run)
    index.check_holds(options.neighbours)
    search = (
        _search_by_code(index, options.codes)
        if options.codes
        else index.open_search().search
    )
    trained = load_trained(run, options.tower_devices)
    fc7 = Fc7(trained.network, trained.crop)
    results, records = [], []
    for file in with_progress(files, len(files), "search"):
        try:
            record = read_record(file)
        except UnusableImage as error:
            results.append({"file": printable(file), "error": str(error)})
            continue
        found = search(fc7(record[None]), options.neighbours)
        results.append(_result(file, index, options.codes, *found))
        if len(records) < SHEET_ROWS:
            records.append(record)
    _print(results, options.json)
    if records:
        found = [result for result in results if "error" not in result]
        path = run.figures_folder / SHEET
        if len(found) > SHEET_ROWS:
            print(
                f"{path} shows the first {SHEET_ROWS} of {len(found)} images",
                file=sys.stderr,
            )
        with writable(path):
            path.parent.mkdir(exist_ok=True)
            draw_sheet(
                path, thumbnail(np.stack(records)), found[:SHEET_ROWS], index
            )
    return report_failed(results)


def _run_and_index(options: Options) -> tuple[Run, ImageIndex]:
    """The run and index to use; an index knows the run it was made with."""
    if options.index_dir and not options.run:
        index = ImageIndex(options.index_dir)
        return trained_run(index.description["run"]), index
    run = trained_run(options.run)
    return run, ImageIndex(options.index_dir or run.index_folder)


def _search_by_code(
    index: ImageIndex, bits: int
) -> Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]:
    codes = open_codes(index, bits)
    codes_index = codes.open_search()
    return lambda vectors, k: codes_index.search(codes.encode(vectors), k)


def _result(
    file: str,
    index: ImageIndex,
    bits: int,
    distances: np.ndarray,
    rows: np.ndarray,
) -> dict[str, Any]:
    """{"file", "metric", "neighbours"}; numbers of neighbours are rows."""
    neighbours = [
        {
            "row": int(row),
            **_described(index.images[row]),
            "distance": distance.item(),
        }
        for row, distance in zip(rows[0], distances[0], strict=True)
        if row >= 0  # an approximate search may find fewer
    ]
    metric = "hamming" if bits else "euclidean"
    return {
        "file": printable(file),
        "metric": metric,
        "neighbours": neighbours,
    }


def _described(image: IndexedImage) -> dict[str, Any]:
    name = printable(image.name)  # an older index has it as it is
    return {"id": image.id, "class": image.class_name, "name": name}


def _print(results: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(results))
        return
    for result in results:
        print(result["file"])
        if "error" in result:
            print("  not searched for")
        for neighbour in result.get("neighbours", ()):
            print(
                f"  {neighbour['distance']:8.5g}  {neighbour['class']}  "
                f"{neighbour['name']}"
            )
