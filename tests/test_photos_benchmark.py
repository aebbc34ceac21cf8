"""What benchmarks/photos.py trains on, and with which values."""

import collections
import csv
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from alexnet_tf.config import changed_values, check_config
from benchmarks import photos
from configs import photos as recipe

IMAGES = {"train": 40, "validation": 3}  # of each of ten classes


class Builder:
    """What is asked of TFDS's; an image tells its split and number."""

    def as_dataset(self, split, decoders):
        assert decoders["image"] is not None  # the files as they are
        names = [f"{split} {n}" for n in range(10 * IMAGES[split])]
        labels = [n % 10 for n in range(len(names))]
        return tf.data.Dataset.from_tensor_slices(
            {"image": names, "label": labels}
        )


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """{name: [(content of the file, label, split)]}."""
    work = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds, "builder", lambda name, data_dir: Builder())
        photos.write_lists("DIR", work)
    found = {}
    for file in work.glob("*.csv"):
        with open(file, newline="") as rows:
            found[file.stem] = [
                (
                    (work / row["image"]).read_text(),
                    row["label"],
                    row.get("split"),
                )
                for row in csv.DictReader(rows)
            ]
    return found


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        *(("10", (10, 10)), ("50", (20, 20)), ("200", (20, 20))),
        ("200 long", (20, 20)),
        *(("uneven", (20, 10)), ("tail", (20, 20)), ("all", (20, 20))),
    ],
)
def test_each_list_has_its_images(lists, name, counts):
    rows = lists[name]
    found = collections.Counter((label, split) for _, label, split in rows)
    for number in range(10):
        assert found[f"class-{number}", "train"] == counts[number % 2]
        assert found[f"class-{number}", "val"] == 20
    assert len({content for content, *_ in rows}) == len(rows)
    for content, label, _ in rows:
        split, number = content.split()
        assert split == "train"
        assert label == f"class-{int(number) % 10}"


def test_nothing_is_tested_that_was_trained_on(lists):
    assert len(lists["test"]) == 30
    assert all(c.startswith("validation ") for c, *_ in lists["test"])


def test_of_uneven_sets_the_smallest_class_has_a_twentieth():
    for name in photos.UNEVEN:
        most = photos.SETS[name].most
        assert max(most) == 20 * min(most)
    ratios = np.divide(
        photos.SETS["tail"].most[1:], photos.SETS["tail"].most[:-1]
    )
    np.testing.assert_allclose(ratios, 20 ** (-1 / 9), rtol=0.03)


@pytest.mark.parametrize("settings", photos.SETTINGS)
def test_settings_are_values_of_the_recipe_or_of_imbalance(settings):
    plain = photos.config_of("200", photos.PLAIN, 0.25, seed=0)
    config = photos.config_of("200", settings, 0.25, seed=0)
    check_config(config)
    changed = changed_values("train", plain, config)
    changed += changed_values("data", plain, config)
    assert bool(changed) == (settings != photos.PLAIN)
    values = recipe.get_config()
    values.train.class_weights = values.data.sampling = "balanced"
    for key, _, value in changed:
        section, *names = key.split(".")
        expected = values[section]
        for name in names:
            expected = expected[name]
        assert value == (list(expected) if expected == () else expected)


def test_the_plan_names_each_training_once_and_all_sets():
    assert len(set(photos.PLAN)) == len(photos.PLAN)
    assert {name for name, _ in photos.PLAN} == set(photos.SETS)
    assert {settings for _, settings in photos.PLAN} == set(photos.SETTINGS)
    names = {photos.run_name(*planned, 0) for planned in photos.PLAN}
    assert len(names) == len(photos.PLAN)


def test_the_table_has_a_row_for_settings_and_a_column_for_sets():
    results = [
        {"set": "200", "settings": "photos", "top1_error": 0.3},
        {"set": "10", "settings": "photos", "top1_error": 0.75},
        {"set": "200", "settings": "plain", "top1_error": 0.4125},
        {"set": "200", "settings": "photos", "top1_error": 0.31},
    ]
    assert photos.table(results).splitlines() == [
        "| settings | 10 | 200 |",
        "|---|---|---|",
        "| plain |  | 41.2 |",
        "| photos | 75.0 | 30.5 (30.0 to 31.0) |",
    ]


def test_the_page_has_the_table_of_the_results():
    docs = pathlib.Path(photos.__file__).parents[1] / "docs"
    results = json.loads(
        (docs / "results/photos/quarter_width.json").read_text()
    )
    page = (docs / "own-images.md").read_text()
    assert photos.table(results) in page
