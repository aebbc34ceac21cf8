"""The choice of the images that ship with the package."""

import pathlib
import runpy

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "make_embedded_images.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize("count", [1, 4])
def test_the_first_of_each_class_in_the_order_of_the_file(script, count):
    labels = np.random.default_rng(0).permutation(np.repeat(range(10), 7))
    images = np.arange(70)[:, None, None] * np.ones((1, 2, 2), int)
    seen, expected = dict.fromkeys(range(10), 0), []
    for place, label in enumerate(labels):
        if seen[int(label)] < count:
            expected.append(place)
        seen[int(label)] += 1
    chosen, chosen_labels = script["first_of_each_class"](images, labels, count)
    np.testing.assert_array_equal(chosen, images[expected])
    np.testing.assert_array_equal(chosen_labels, labels[expected])
