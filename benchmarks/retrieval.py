"""How well, how fast and how small the search for similar images is.

    python -m benchmarks.retrieval --run=RUN [--index_dir=DIR]
        [--data_name=NAME] [--data_dir=DIR] [--queries=1000]
        [--bits=128,256] [--repeats=200] [--json]

Searches an index that --mode=index wrote (default: the run's own) for the
nearest of random validation images of the run's data (or of NAME in DIR).

First table: every kind of search for vectors. "recall at k": share of the
true k nearest (numpy, brute force in float64) among the k found.

Second table: vectors and binary codes, all compared one by one. "precision at
k": share of the k nearest that are of the query's class. "overlap at k":
share of the k nearest vectors among the k nearest codes. Beside our
auto-encoder: vectors of length 1, random hyperplanes and ITQ.

Last: the time for as many random codes as ImageNet has images.

Bytes are those in memory for an image; times are medians over single queries
for 10 neighbours, on all cores, without fc7. With --json the last line is one
object with all of it.
"""

import functools
import os
import pathlib
import platform
import statistics
import tempfile
import time

import numpy as np

from alexnet_tf.data.image_set import select
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.open_source import load_source
from alexnet_tf.retrieval import vector_search
from alexnet_tf.retrieval.autoencoder import (
    encode,
    train_autoencoder,
)
from alexnet_tf.retrieval.code_search import open_code_search
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.retrieval.image_index import ImageIndex
from alexnet_tf.run.folder import trained_run
from alexnet_tf.run.trained import load_trained
from benchmarks import command_line
from benchmarks.linear_codes import (
    iterative_quantization,
    principal_axes,
    random_hyperplanes,
)
from benchmarks.retrieval_measures import brute_force, precision, recall

RECALL_AT = (1, 10, 100)
PRECISION_AT = (1, 10, 50)
OVERLAP_AT = (10, 50)
NEIGHBOURS_TIMED = 10
IMAGENET_IMAGES = 1_281_167


def main():
    """Prints the tables; with --json also an object."""
    arguments = parse_arguments()
    run = trained_run(arguments.run)
    index = ImageIndex(arguments.index_dir or run.index_folder)
    index.check_made_with(run)
    queries, wanted = validation_queries(run, arguments)
    vectors = np.asarray(index.vectors, np.float32)
    true = brute_force(queries, vectors, max(RECALL_AT))
    classes = np.array([image.class_name for image in index.images])
    print(
        f"{len(vectors)} images of {index.description['dataset']}, "
        f"{len(queries)} queries; {platform.machine()}, {os.cpu_count()} "
        f"cores, load {os.getloadavg()[0]:.1f}\n"
    )
    timed = functools.partial(median_seconds, repeats=arguments.repeats)
    result = {
        "images": len(vectors),
        "queries": len(queries),
        "searches": vector_table(vectors, queries, true, timed),
        "codes": code_table(
            vectors,
            queries,
            lambda found: judged(found, true, classes, wanted),
            [int(bits) for bits in arguments.bits.split(",")],
            run.read_config().retrieval,
            true,
            timed,
        ),
        "imagenet_us": imagenet_times(arguments.bits, timed),
    }
    command_line.tell(arguments, result)


def parse_arguments():
    parser = command_line.parser(__doc__)
    parser.add_argument("--run", help="run folder; default: the newest")
    parser.add_argument("--index_dir")
    parser.add_argument("--data_name")
    parser.add_argument("--data_dir")
    parser.add_argument("--queries", type=command_line.count, default=1000)
    parser.add_argument("--bits", default="128,256")
    parser.add_argument("--repeats", type=command_line.count, default=200)
    return parser.parse_args()


def validation_queries(run, arguments):
    """fc7 vectors and class names of random validation images."""
    config = run.read_config()
    data_dir = arguments.data_dir
    if arguments.data_name:
        config.data.name = arguments.data_name
    else:
        data_dir = data_dir or run.read_dataset()["data_dir"]
    source = load_source(config.data, config.train.seed, data_dir)
    assert source.validation
    count = min(arguments.queries, source.validation.size)
    chosen = select(source.validation, 1, 0, count)
    trained = load_trained(run)
    fc7 = Fc7(trained.network, trained.crop)
    vectors, names = [], []
    for batch in Records(source, chosen, cache_gb=0).dataset().batch(128):
        vectors.append(fc7(batch["image"]))
        names += [source.class_names[i] for i in batch["label"].numpy()]
    return np.concatenate(vectors), np.array(names)


def vector_table(vectors, queries, true, timed):
    """Prints and returns the rows of the first table."""
    print(
        f"{'search':16}{'bytes':>8}{'built in':>10}{'a query':>10}"
        + "".join(f"{f'recall at {k}':>15}" for k in RECALL_AT)
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "vectors.faiss"
        for dtype in vector_search.DTYPES:
            stored = vectors.astype(dtype)
            for kind in vector_search.KINDS:
                start = time.perf_counter()
                if kind != "flat":
                    vector_search.write_search_file(file, stored, kind)
                built = time.perf_counter() - start
                search = vector_search.open_search(file, stored, kind).search
                _, found = search(queries, max(RECALL_AT))
                size = stored.nbytes if kind == "flat" else file.stat().st_size
                row = {
                    "search": f"{kind} {dtype}",
                    "bytes": size // len(vectors),
                    "build_s": built,
                    "query_us": 1e6 * timed(search, queries),
                    **{
                        f"recall_at_{k}": recall(found, true, k)
                        for k in RECALL_AT
                    },
                }
                rows.append(row)
                print(
                    f"{row['search']:16}{row['bytes']:8}{built:8.1f} s"
                    f"{row['query_us'] / 1000:7.2f} ms"
                    + "".join(
                        f"{row[f'recall_at_{k}']:15.3f}" for k in RECALL_AT
                    )
                )
    print()
    return rows


def code_table(vectors, queries, judge, lengths, settings, true, timed):
    """Prints and returns the rows of the second table."""
    print(
        f"{'':27}{'bytes':>7}{'code':>10}{'search':>10}"
        + "".join(f"{f'prec. at {k}':>13}" for k in PRECISION_AT)
        + "".join(f"{f'overlap at {k}':>15}" for k in OVERLAP_AT)
    )
    exact = vector_search.open_search(None, vectors, "flat").search
    vector_row = {
        "what": "fc7",
        "bytes": 4 * vectors.shape[1],
        "code_us": 0.0,
        "search_us": 1e6 * timed(exact, queries),
        **judge(true),
    }
    directions = as_long_as_one(queries), as_long_as_one(vectors)
    angle_row = {
        **vector_row,
        "what": "fc7, divided by its length",
        **judge(brute_force(*directions, max(PRECISION_AT))),
    }
    rows = [vector_row, angle_row]
    for row in rows:
        print_code_row(row)
    axes = principal_axes(vectors)
    for bits in lengths:
        encoder = train_autoencoder(vectors, bits, settings).encoder
        for what, to_codes in (
            ("random hyperplanes", random_hyperplanes(vectors, bits)),
            ("ITQ", iterative_quantization(vectors, bits, axes)),
            ("auto-encoder", functools.partial(encode, encoder)),
        ):
            search = open_code_search(None, to_codes(vectors), "flat").search
            codes = to_codes(queries)
            _, found = search(codes, max(PRECISION_AT))
            row = {
                "what": f"{what}, {bits} bits",
                "bytes": bits // 8,
                "code_us": 1e6 * timed(lambda x, k, f=to_codes: f(x), queries),
                "search_us": 1e6 * timed(search, codes),
                **judge(found),
            }
            rows.append(row)
            print_code_row(row)
    print()
    return rows


def as_long_as_one(vectors):
    """Vectors whose Euclidean distance depends on their angle alone."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def judged(found, true, classes, wanted):
    """Precisions and overlaps of the rows that were found."""
    return {
        **{
            f"precision_at_{k}": precision(found, classes, wanted, k)
            for k in PRECISION_AT
        },
        **{f"overlap_at_{k}": recall(found, true, k) for k in OVERLAP_AT},
    }


def print_code_row(row):
    print(
        f"{row['what']:27}{row['bytes']:7}{row['code_us']:7.0f} us"
        f"{row['search_us']:7.0f} us"
        + "".join(f"{row[f'precision_at_{k}']:13.3f}" for k in PRECISION_AT)
        + "".join(f"{row[f'overlap_at_{k}']:15.3f}" for k in OVERLAP_AT),
        flush=True,
    )


def imagenet_times(lengths, timed):
    """{bits: microseconds} of a search in as many codes as ImageNet has."""
    times = {}
    random = np.random.default_rng(0)
    for bits in map(int, lengths.split(",")):
        codes = random.integers(
            0, 256, (IMAGENET_IMAGES, bits // 8), dtype=np.uint8
        )
        search = open_code_search(None, codes, "flat").search
        times[bits] = 1e6 * timed(search, codes[:1000])
        print(
            f"{IMAGENET_IMAGES} random codes of {bits} bits, "
            f"{codes.nbytes / 1e6:.0f} MB: {times[bits]:.0f} us a query"
        )
    return times


def median_seconds(function, inputs, repeats):
    """Median time of `function(one input, 10)` over the first inputs."""
    times = []
    for one in np.split(inputs[:repeats], len(inputs[:repeats])):
        start = time.perf_counter()
        function(one, NEIGHBOURS_TIMED)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    command_line.run(main)
