"""Damaged image files: each is answered, and none disturbs the others.

The model runs in a process of its own, so that a crash is a failed test.
"""

import io
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from tests.slow import slow

BATCH = 32
MOST_MEMORY_KB = 3_000_000


def picture(size=(90, 120)):
    random = np.random.default_rng(0)
    tiles = random.integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(tiles).resize(size[::-1], Image.BICUBIC)


def seeds():
    """Sound JPEG and PNG files of many kinds."""
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = [
        (picture(), "JPEG", {}),
        (picture(), "JPEG", {"progressive": True}),
        (picture(), "JPEG", {"exif": exif, "optimize": True}),
        (picture(), "JPEG", {"restart_marker_blocks": 2}),
        (picture().convert("L"), "JPEG", {}),
        (picture().convert("CMYK"), "JPEG", {}),
        (picture(), "PNG", {}),
        (picture().quantize(16), "PNG", {}),
        (picture().convert("LA"), "PNG", {}),
        (picture().convert("RGBA"), "PNG", {"compress_level": 0}),
        (picture().convert("1"), "PNG", {}),
        (picture().convert("I;16"), "PNG", {}),
    ]
    for image, format, options in kinds:
        file = io.BytesIO()
        image.save(file, format, **options)
        yield file.getvalue()


def flip_bytes(random, data, _):
    data = bytearray(data)
    for place in random.integers(0, len(data), random.integers(1, 20)):
        data[place] = random.integers(256)
    return bytes(data)


def change_the_header(random, data, _):
    data = bytearray(data)
    for place in random.integers(0, min(200, len(data)), 3):
        data[place] = random.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
    return bytes(data)


def truncate(random, data, _):
    return data[: random.integers(len(data))]


def repeat_a_part(random, data, _):
    begin, end = sorted(random.integers(0, len(data), 2))
    return data[:end] + data[begin:end] * random.integers(1, 30) + data[end:]


def remove_a_part(random, data, _):
    begin, end = sorted(random.integers(0, len(data), 2))
    return data[:begin] + data[end:]


def splice(random, data, other):
    return (
        data[: random.integers(len(data))]
        + other[random.integers(len(other)) :]
    )


MUTATIONS = (
    flip_bytes,
    change_the_header,
    truncate,
    repeat_a_part,
    remove_a_part,
    splice,
)


def mutated(count):
    random = np.random.default_rng(2012)
    sound = list(seeds())
    for i in range(count):
        data, other = (sound[random.integers(len(sound))] for _ in range(2))
        yield MUTATIONS[i % len(MUTATIONS)](random, data, other)


def answer(run_in_session, files):
    """Answers of all files, asked for in batches with a sound file each."""
    sound = next(seeds())
    files = list(files)
    requests = [
        np.array([*files[i : i + BATCH], sound], object)
        for i in range(0, len(files), BATCH)
    ]
    answers = run_in_session("probabilities", "image_bytes", *requests)
    ends = np.cumsum([len(request) for request in requests]) - 1
    assert answers["valid"][ends].all()
    assert np.ptp(answers["probabilities"][ends], axis=0).max() < 1e-6
    valid = np.delete(answers["valid"], ends)
    sums = np.delete(answers["probabilities"], ends, axis=0).sum(axis=1)
    assert len(valid) == len(files)
    np.testing.assert_allclose(sums, valid, atol=1e-5)
    assert run_in_session.peak_kb < MOST_MEMORY_KB
    return valid


def test_all_seeds_are_valid(run_in_session):
    assert answer(run_in_session, seeds()).all()


@pytest.mark.parametrize("count", [400, slow(2000)])
def test_mutated_files(run_in_session, count):
    valid = answer(run_in_session, mutated(count))
    # Both happen, or nothing is proved.
    assert 0.1 < valid.mean() < 0.9


@pytest.mark.skipif(
    "PILLOW_IMAGES" not in os.environ,
    reason="PILLOW_IMAGES=DIR names no Tests/images of Pillow's sources",
)
def test_pillows_own_test_images(run_in_session):
    folder = pathlib.Path(os.environ["PILLOW_IMAGES"])
    files = [f.read_bytes() for f in sorted(folder.rglob("*.*")) if f.is_file()]
    valid = answer(run_in_session, files)
    print(f"{valid.sum()} of {len(files)} files are valid")
    assert valid.any()
