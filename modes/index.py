"""--mode=index: the fc7 vectors of a set's training images, to be searched."""

import sys

import numpy as np

from alexnet_tf.data.records import Records
from alexnet_tf.files.atomic import check_new_folder
from alexnet_tf.files.text import counted
from alexnet_tf.options import Options
from alexnet_tf.retrieval.faiss_library import load_faiss
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.retrieval.image_index import write_index
from alexnet_tf.run.folder import trained_run
from alexnet_tf.run.trained import load_trained
from alexnet_tf.terminal.command import command
from modes.setup import config_for, open_source


def main(options: Options) -> int:
    """Writes an index with the best weights of a run; returns 0."""
    load_faiss()  # now, not after an hour
    run = trained_run(options.run)
    folder = options.index_dir or run.index_folder
    check_new_folder(folder)
    source = open_source(config_for(options, run), options, run)
    trained = load_trained(run, options.tower_devices)
    fc7 = Fc7(trained.network, trained.crop)
    records = Records(source, source.train, cache_gb=0)
    ids = write_index(
        folder,
        run,
        fc7,
        source,
        records,
        options.index_kind,
        options.index_dtype,
    )
    _warn_about_missing(ids, records)
    print(
        f"{folder} holds the fc7 vectors of {counted(len(ids), 'image')} of "
        f"{source.name}\n"
        f"next: {command('search', index_dir=folder, image='FILE')}"
    )
    return 0


def _warn_about_missing(ids: np.ndarray, records: Records) -> None:
    missing = records.missing(ids)
    if len(missing):
        print(
            f"warning: {len(missing)} of {records.split.size} images are not "
            f"in the index, they cannot be decoded:\n{records.names(missing)}",
            file=sys.stderr,
        )
