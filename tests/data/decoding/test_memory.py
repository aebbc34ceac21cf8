"""What each limit protects: the memory that is taken while it refuses.

Measured in a process of its own, whose peak is set back before each input:
the peak of the test's own process would hide what comes after a larger one.
"""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]
MEASURE = """
import json, sys
import tensorflow as tf
from alexnet_tf.data.decoding.isolation import map_where_valid
from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.network import build_network
from configs import demo
from export.image_batch import MOST_IMAGES
from export.signatures import Signatures
from tests.data.decoding.test_bombs import (
    SMALL, BOMBS, animation, encode, png_of, scan_bomb,
)

record_of = tf.function(
    lambda image: to_record(decode(image)),
    input_signature=[tf.TensorSpec([], tf.string)],
)

def by_dataset(image):
    dataset = tf.data.Dataset.from_tensors(image)
    for record in dataset.map(lambda image: to_record(decode(image))):
        pass

config = demo.get_config().model
config.width, config.num_classes = 1 / 16, 2
signatures = Signatures(build_network(config), 224, ("a", "b"))
served = {
    name: tf.function(function, input_signature=specs)
    for name, (function, specs) in signatures.endpoints().items()
}

def memory():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return [int(lines[key].split()[0]) for key in ("VmHWM", "VmRSS")]

def growth(function, argument):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory()[1]
    try:
        function(argument)
        answer = "taken"
    except tf.errors.InvalidArgumentError:
        answer = "refused"
    return memory()[0] - before, answer

small = encode(SMALL, "PNG")
ways = {
    "eager": lambda image: to_record(decode(image)),
    "graph": record_of,
    "dataset": by_dataset,
    "served": lambda image: served["serving_default"](tf.constant([image])),
}
files = {
    "a row of 3,000 pixels": png_of(3000, 1),
    "a column of 60,000 pixels": png_of(1, 60000),
    "3.6 thousand million pixels": BOMBS["png"](),
    "ten thousand scans": scan_bomb(),
    "sixty frames of 4 million pixels": animation(),
}
for way in ways.values():
    growth(way, small)  # the first call makes the graph
many = [small] * (40 * MOST_IMAGES)
found = {
    f"{name}, {way}": growth(function, file)
    for name, file in files.items()
    for way, function in ways.items()
}
for name in ("serving_default", "probabilities", "crops", "features"):
    found[f"too many images, {name}"] = growth(served[name], tf.constant(many))
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def growths():
    """{input and way: (kB that the peak grew by, taken or refused)}."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout)


def test_no_limit_is_paid_for(growths):
    assert len(growths) == 24
    # Unstopped, the smallest of these would take 460 MB.
    assert {name: kb for name, (kb, _) in growths.items() if kb > 120e3} == {}


def test_what_is_refused(growths):
    taken = {name for name, (_, answer) in growths.items() if answer == "taken"}
    # One bad image never fails a request; of an animation the first frame
    # counts.
    assert taken == {
        name
        for name in growths
        if "frames" in name or name.endswith(", served")
    }
