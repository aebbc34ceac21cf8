"""How records lie in the files of a prepared set.

jpeg: TFRecord files of tf.train.Examples: id and label (int64), name (UTF-8)
and image (a JPEG file).
raw: one after the other, 256*256*3 bytes of pixels, id and label as int64,
least significant byte first, and zeros up to a multiple of 64 bytes, where
TensorFlow can take rows of pixels without copying them.
"""

import dataclasses
import pathlib
import struct
from collections.abc import Callable, Iterable

import tensorflow as tf

from alexnet_tf.data.image_set import LEFT_OUT
from alexnet_tf.data.preprocess import (
    DCT_METHOD,
    PIXEL_BYTES,
    RECORD_SIZE,
    decode_jpeg,
)
from alexnet_tf.data.tfrecord_frames import open_tfrecord, record_offsets

JPEG_QUALITY = 95  # as Krizhevsky's make-data (cuda-convnet2) has it
SHAPE = [RECORD_SIZE, RECORD_SIZE, 3]
ROW_BYTES = 3 * RECORD_SIZE
TRAILER_BYTES = 64
RAW_BYTES = PIXEL_BYTES + TRAILER_BYTES
PARSED_AT_ONCE = 64
RAW_PARSED_AT_ONCE = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFormat:
    """One of the two formats.

    Attributes:
        extension: of the files.
        shard_size: records in a shard of about 40 MB.
        most_buffered: records that a shuffle buffer may hold: 0.4 GB of JPEG
            files, 0.1 GB of raw records, which leave the processor's caches.
        encode: from a uint8 [256, 256, 3] record to its bytes, a scalar
            string.
        decode: from an example's "image" to the record; JPEG loses a little.
        decode_window: from an "image", top, left and side to uint8 [side,
            side, 3], sparing what lies outside.
        serialize: (id, label, name, bytes of `encode`) -> bytes.
        write: (path, list of those) writes a file.
        open: (path, offset, count, size of the file) -> dataset of `count` of
            those, from the byte at `offset` on.
        offsets: (path, number of records) -> the first byte of each; None
            stands for what cannot be found.
        damaged: (path, number of records) -> {place of a record in the file:
            what is wrong with it}; all of them where nothing tells which. The
            file's checksum is wrong.
        has_checksums: whether each record has one, which reading compares.
        parse: dataset of those -> dataset of {"id", "label", "image"}, to
            batches of which a second argument is applied.
    """

    extension: str
    shard_size: int
    most_buffered: int
    encode: Callable
    decode: Callable
    decode_window: Callable
    serialize: Callable
    write: Callable
    open: Callable
    offsets: Callable
    damaged: Callable
    has_checksums: bool
    parse: Callable

    @property
    def stand_in(self) -> bytes:
        """A record in the place of one that is left out."""
        return self.serialize(LEFT_OUT, 0, "", bytes(PIXEL_BYTES))


def _decode_jpeg_window(
    image: tf.Tensor, top: tf.Tensor, left: tf.Tensor, side: int
) -> tf.Tensor:
    """The colours of the outermost columns may differ a little from the whole
    record's: they are interpolated without what lies beyond."""
    window = tf.stack([top, left, side, side])
    return tf.ensure_shape(
        tf.io.decode_and_crop_jpeg(
            image, window, channels=3, dct_method=DCT_METHOD
        ),
        [side, side, 3],
    )


def _serialize_example(
    number: int, label: int, name: str, image: bytes
) -> bytes:
    example = tf.train.Example()
    feature = example.features.feature
    feature["id"].int64_list.value.append(number)
    feature["label"].int64_list.value.append(label)
    feature["name"].bytes_list.value.append(name.encode())
    feature["image"].bytes_list.value.append(image)
    return example.SerializeToString(deterministic=True)


def _write_tfrecord(path: pathlib.Path, examples: Iterable[bytes]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(example)


def _open_tfrecord(
    path: tf.Tensor, offset: tf.Tensor, count: tf.Tensor, _: tf.Tensor
) -> tf.data.Dataset:
    return open_tfrecord(path, offset, count)


def _damaged_tfrecord(path: pathlib.Path, count: int) -> dict[int, str]:
    found = {}
    for place, offset in enumerate(record_offsets(path, count)):
        if offset is None:
            found[place] = "it is missing"
            continue
        try:
            list(open_tfrecord(str(path), offset, 1))
        except (tf.errors.DataLossError, tf.errors.UnknownError):
            found[place] = f"the checksum at byte {offset} is wrong"
    return found


def _parse_examples(
    serialized: tf.data.Dataset,
    function: Callable[[dict], dict] = lambda example: example,
) -> tf.data.Dataset:
    """Many at once: one at a time costs a third of decoding them."""
    features = {
        "id": tf.io.FixedLenFeature([], tf.int64),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "image": tf.io.FixedLenFeature([], tf.string),
    }
    return (
        serialized.batch(PARSED_AT_ONCE)
        .map(lambda batch: function(tf.io.parse_example(batch, features)))
        .unbatch()
    )


def _pixel_bytes(record: tf.Tensor) -> tf.Tensor:
    # A serialized tensor of bytes ends with them.
    return tf.strings.substr(
        tf.io.serialize_tensor(record), -PIXEL_BYTES, PIXEL_BYTES
    )


def _decode_raw(image: tf.Tensor) -> tf.Tensor:
    pixels = tf.io.decode_raw(image, tf.uint8)[:PIXEL_BYTES]
    return tf.reshape(pixels, SHAPE)


def _decode_raw_window(
    image: tf.Tensor, top: tf.Tensor, left: tf.Tensor, side: int
) -> tf.Tensor:
    pixels = tf.io.decode_raw(image, tf.uint8)
    rows = pixels[top * ROW_BYTES : (top + side) * ROW_BYTES]
    rows = tf.reshape(rows, [side, RECORD_SIZE, 3])
    return tf.ensure_shape(rows[:, left : left + side], [side, side, 3])


def _serialize_raw(number: int, label: int, _: str, pixels: bytes) -> bytes:
    trailer = struct.pack("<qq", number, label)
    return pixels + trailer.ljust(TRAILER_BYTES, b"\0")


def _write_raw(path: pathlib.Path, records: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(records))


def _open_raw(
    path: tf.Tensor, offset: tf.Tensor, count: tf.Tensor, size: tf.Tensor
) -> tf.data.Dataset:
    records = tf.data.FixedLengthRecordDataset(
        path,
        RAW_BYTES,
        header_bytes=offset,
        footer_bytes=size - offset - count * RAW_BYTES,
        buffer_size=0,  # a record is as much as is worth reading at once
    )
    return records.take(count)


def _raw_offsets(path: pathlib.Path, count: int) -> list[int | None]:
    there = min(path.stat().st_size // RAW_BYTES, count)
    return [i * RAW_BYTES for i in range(there)] + [None] * (count - there)


def _damaged_raw(path: pathlib.Path, count: int) -> dict[int, str]:
    offsets = _raw_offsets(path, count)
    lost = [place for place, offset in enumerate(offsets) if offset is None]
    if lost:
        return dict.fromkeys(lost, "it is missing")
    # A record has no checksum of its own.
    return dict.fromkeys(range(count), "the checksum of its file is wrong")


def _parse_raw(
    records: tf.data.Dataset,
    function: Callable[[dict], dict] = lambda example: example,
) -> tf.data.Dataset:
    def parse(batch: tf.Tensor) -> dict:
        trailers = tf.strings.substr(batch, PIXEL_BYTES, 16)
        numbers = tf.io.decode_raw(trailers, tf.int64)
        return function(
            {"id": numbers[:, 0], "label": numbers[:, 1], "image": batch}
        )

    return records.batch(RAW_PARSED_AT_ONCE).map(parse).unbatch()


FORMATS = {
    "jpeg": RecordFormat(
        extension="tfrecord",
        shard_size=1024,
        most_buffered=10_000,
        encode=lambda record: tf.io.encode_jpeg(record, quality=JPEG_QUALITY),
        decode=lambda image: tf.ensure_shape(decode_jpeg(image), SHAPE),
        decode_window=_decode_jpeg_window,
        serialize=_serialize_example,
        write=_write_tfrecord,
        open=_open_tfrecord,
        offsets=record_offsets,
        damaged=_damaged_tfrecord,
        has_checksums=True,
        parse=_parse_examples,
    ),
    "raw": RecordFormat(
        extension="raw",
        shard_size=256,
        most_buffered=512,
        encode=_pixel_bytes,
        decode=_decode_raw,
        decode_window=_decode_raw_window,
        serialize=_serialize_raw,
        write=_write_raw,
        open=_open_raw,
        offsets=_raw_offsets,
        damaged=_damaged_raw,
        has_checksums=False,
        parse=_parse_raw,
    ),
}
