"""Reading a prepared set's records from TFRecord and from ArrayRecord files.

    python -m benchmarks.record_files --data_dir=PREPARED [--rounds=5] [--json]

PREPARED is a set of JPEG records that --mode=prepare wrote. Its training
records are written once more as one file of each kind and read in turns into
a tf.data pipeline, which is what training needs:

tfrecord      TFRecordDataset
array_record  ArrayRecordReader, 256 records a call, through from_generator;
              TensorFlow has no reader of its own for it

Medians over the rounds of microseconds a record, wall and CPU.
"""

import pathlib
import platform
import statistics
import tempfile

import tensorflow as tf
from array_record.python import array_record_module

from alexnet_tf.data.prepared.reader import load_prepared
from benchmarks import command_line
from benchmarks.input_pipeline import consume, timed

AT_ONCE = 256


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--rounds", type=command_line.count, default=5)
    arguments = parser.parse_args()
    examples = load_prepared(arguments.data_dir).train.examples
    records = [example["image"].numpy() for example in examples]
    with tempfile.TemporaryDirectory() as folder:
        files = pathlib.Path(folder)
        datasets = {
            "tfrecord": tfrecord(files / "records.tfrecord", records),
            "array_record": array_record(files / "records.array", records),
        }
        rounds = [
            {
                name: timed(lambda d=dataset: consume(d), len(records))
                for name, dataset in datasets.items()
            }
            for _ in range(arguments.rounds + 1)
        ][1:]  # the first warms up
    result = {
        name: {
            unit: statistics.median(r[name][unit] for r in rounds)
            for unit in ("wall_us", "cpu_us")
        }
        for name in datasets
    }
    print(f"{len(records)} records, {platform.machine()}")
    for name, times in result.items():
        print(
            f"{name:12} {times['wall_us']:6.1f} us {times['cpu_us']:6.1f} CPU"
        )
    command_line.tell(arguments, result)


def tfrecord(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return tf.data.TFRecordDataset(str(path)).batch(AT_ONCE)


def array_record(path, records):
    writer = array_record_module.ArrayRecordWriter(
        str(path), "group_size:1,uncompressed"
    )
    for record in records:
        writer.write(record)
    writer.close()

    def read():
        reader = array_record_module.ArrayRecordReader(str(path))
        for begin in range(0, len(records), AT_ONCE):
            yield reader.read(begin, min(begin + AT_ONCE, len(records)))
        reader.close()

    return tf.data.Dataset.from_generator(
        read, output_signature=tf.TensorSpec([None], tf.string)
    )


if __name__ == "__main__":
    command_line.run(main)
