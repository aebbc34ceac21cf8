"""Nearest training images against brute force."""

import math

import numpy as np
import pytest
from PIL import Image

from alexnet_tf.analysis import neighbours
from alexnet_tf.analysis.neighbours import (
    draw_neighbours,
    nearest_records,
)
from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.folder import load_folder


@pytest.fixture(scope="module")
def records(image_folder):
    source = load_folder(image_folder)
    return Records(source, source.train, cache_gb=0)


@pytest.fixture(scope="module")
def examples(records):
    return list(records.dataset().as_numpy_iterator())


def test_neighbours_are_those_of_brute_force(records, examples, monkeypatch):
    monkeypatch.setattr(neighbours, "BATCH", 7)  # the last one is smaller
    projection = np.random.default_rng(0).normal(size=(8 * 8 * 3, 50))

    def vectors_of(images):
        coarse = np.asarray(images)[:, ::32, ::32].reshape(len(images), -1)
        return (coarse @ projection).astype(np.float32)

    queries = np.stack([examples[5]["image"], examples[40]["image"][::-1]])
    found = nearest_records(vectors_of, queries, records, 6)
    everything = vectors_of(np.stack([e["image"] for e in examples]))
    for query, nearest in zip(vectors_of(queries), found, strict=True):
        distances = [math.dist(vector, query) for vector in everything]
        best = sorted(range(len(distances)), key=distances.__getitem__)[:6]
        assert [n.id for n in nearest] == [examples[i]["id"] for i in best]
        assert [n.label for n in nearest] == [
            examples[i]["label"] for i in best
        ]
        assert [n.distance for n in nearest] == pytest.approx(
            [distances[i] for i in best]
        )
        for n, i in zip(nearest, best, strict=True):
            np.testing.assert_array_equal(n.image, examples[i]["image"])
    assert found[0][0].distance == 0


def test_equal_distances_and_few_images(records):
    [nearest] = nearest_records(
        lambda images: np.zeros((len(images), 4), np.float32),
        np.zeros((1, 256, 256, 3), np.uint8),
        records,
        100,
    )
    assert [n.id for n in nearest] == list(range(72))


def test_the_sheet_has_the_query_before_its_neighbours(tmp_path):
    def plain(colour):
        return np.full((256, 256, 3), colour, np.uint8)

    query = {"id": 0, "label": 0, "image": plain((200, 0, 0))}
    found = [
        neighbours.Neighbour(float(i), i, i, plain((0, 0, 100 + 40 * i)))
        for i in range(3)
    ]
    draw_neighbours(tmp_path / "a.png", [query], [found], ["a$b", "$c$", "d"])
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    middles = [
        np.flatnonzero((pixels == colour).all(axis=-1).any(axis=0)).mean()
        for colour in ((200, 0, 0), (0, 0, 100), (0, 0, 140), (0, 0, 180))
    ]
    assert middles == sorted(middles)
