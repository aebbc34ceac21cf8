"""Binary codes of an index: the folder codes-<bits>/ in it.

codes.json            bits and settings of the training; written last
codes.npy             uint8 [N, bits / 8], eight bits a byte
encoder.weights.h5    from fc7 to a code
codes.faiss           for a search that is not exact, see `code_search`
"""

import dataclasses
import json
import pathlib
from typing import Any

import keras
import numpy as np
from ml_collections import ConfigDict

from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import new_folder, readable, writable
from alexnet_tf.files.text import read_text
from alexnet_tf.retrieval.autoencoder import (
    build_autoencoder,
    encode,
    train_autoencoder,
)
from alexnet_tf.retrieval.code_search import open_code_search, write_code_search
from alexnet_tf.retrieval.image_index import ImageIndex
from alexnet_tf.terminal.command import command

CODES_FILE = "codes.npy"
ENCODER_FILE = "encoder.weights.h5"
SEARCH_FILE = "codes.faiss"
DESCRIPTION_FILE = "codes.json"


@dataclasses.dataclass(frozen=True)
class Codes:
    """The codes of an index, opened to be searched.

    Attributes:
        codes: uint8 [N, bits / 8].
        encoder: from fc7 vectors to bits.
        kind: one of `code_search.KINDS`.
    """

    codes: np.ndarray
    encoder: keras.Model
    kind: str
    _search_file: pathlib.Path

    def open_search(self) -> Any:
        """See `open_code_search`."""
        with readable(self._search_file):
            return open_code_search(self._search_file, self.codes, self.kind)

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """fc7 vectors [Q, D] as codes, uint8 [Q, bits / 8]."""
        return encode(self.encoder, vectors)


def codes_folder(index: ImageIndex, bits: int) -> pathlib.Path:
    """Path of the folder of codes of `bits` bits."""
    return index.path / f"codes-{bits}"


def write_codes(
    index: ImageIndex, bits: int, settings: ConfigDict, kind: str
) -> None:
    """Trains an auto-encoder on an index and stores its codes.

    Args:
        index: an `ImageIndex`.
        bits: length of a code, a multiple of 8.
        settings: the `retrieval` section of a config.
        kind: one of `code_search.KINDS`.

    Raises:
        UserError: there are such codes already, or they cannot be written.
    """
    folder = codes_folder(index, bits)
    with writable(folder), new_folder(folder) as unfinished:
        autoencoder = train_autoencoder(index.vectors, bits, settings)
        codes = encode(autoencoder.encoder, index.vectors)
        if kind != "flat":
            write_code_search(unfinished / SEARCH_FILE, codes, kind)
        np.save(unfinished / CODES_FILE, codes)
        autoencoder.encoder.save_weights(unfinished / ENCODER_FILE)
        description = {"bits": bits, "kind": kind, **settings.to_dict()}
        (unfinished / DESCRIPTION_FILE).write_text(
            json.dumps(description, indent=2) + "\n"
        )


def open_codes(index: ImageIndex, bits: int) -> Codes:
    """The `Codes` of `bits` bits of an index.

    Raises:
        UserError: there are none, or they cannot be read.
    """
    folder = codes_folder(index, bits)
    file = folder / DESCRIPTION_FILE
    if not file.is_file():
        raise UserError(
            f"{index.path} has no codes of {bits} bits: make them with "
            f"{command('codes', index_dir=index.path, codes=bits)}"
        )
    with readable(folder):
        description = json.loads(read_text(file))
        settings = ConfigDict(description)
        encoder = build_autoencoder(
            index.vectors.shape[1],
            bits,
            settings.hidden,
            settings.noise,
            settings.seed,
        ).encoder
        encoder.load_weights(folder / ENCODER_FILE)
        codes = np.load(folder / CODES_FILE, allow_pickle=False)
    return Codes(codes, encoder, settings.kind, folder / SEARCH_FILE)
