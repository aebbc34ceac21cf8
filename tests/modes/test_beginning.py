"""What a new run is told about its images and its recipe."""

import pytest

from alexnet_tf.data.sources.embedded import load_embedded
from alexnet_tf.options import Options
from configs import paper
from modes.beginning import advice

OF_RECIPE = "configs/demo.py, the default recipe, was made for the embedded"
OF_IMAGES = "with 499 training images a class, under 500, fine-tuning would"


@pytest.fixture(scope="module")
def source():
    return load_embedded()


def lines(source, name="folder", images=5000, **changes):
    """The beginnings of what is told."""
    split = type(source.train)(
        examples=source.train.examples, size=images, name_of=str
    )
    config = paper.get_config()
    config.init.source = changes.pop("init", "random")
    found = type(source)(
        **{**vars(source), "name": name, "train": split},
    )
    options = Options(config=config, **changes)
    told = list(advice(options, config, found))
    assert not [line for line in told if "\n" in line]
    return [line[: len(OF_RECIPE)] for line in told]


def test_the_recipe_of_the_embedded_images(source):
    assert lines(source, "embedded") == []
    assert lines(source) == [OF_RECIPE]
    assert lines(source, config_name="photos") == []
    # The recipe is that of the run it begins with, unless one was given.
    assert lines(source, init="run") == []
    assert lines(source, init="run", config_given=True) == [OF_RECIPE]


@pytest.mark.parametrize("name", ["finetune_small", "experiment_146_2012"])
def test_a_recipe_that_goes_on_from_a_trained_network(source, name):
    recipe = {"config_name": name, "config_given": True}
    [told] = lines(source, **recipe)
    assert told.startswith(f"the recipe {name} was made to go on from")
    assert lines(source, **recipe, init="run") == []


def test_few_images(source):
    few = {"config_name": "photos", "images": 4990}
    assert lines(source, **few) == [OF_IMAGES]
    assert lines(source, **few, init="run") == []
    assert lines(source, config_name="photos", images=5000) == []
