"""The variants of --mode=ablate: each is a network that can be trained."""

import numpy as np
import pytest

from alexnet_tf.config import changed_values, check_config
from alexnet_tf.network import build_network
from configs import demo, paper
from configs.ablations import VARIANTS
from modes.ablate import WHOLE, config_of, variants_of

OF_DATA = {"no crops and mirrors"}


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant[0])
def variant(request):
    return request.param


def test_every_variant_is_another_network(variant):
    name, changes, _ = variant
    config = demo.get_config()
    config.model.width = 1 / 16
    config.model.num_classes = 10
    changed = config_of(config, changes, seed=0)
    check_config(changed)
    assert {
        key
        for section in ("data", "model", "train")
        for key, *_ in changed_values(section, config, changed)
    } <= set(changes)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 224, 224, 3), np.uint8)
    whole, other = (
        build_network(c.model)(images, training=True).numpy()
        for c in (config, changed)
    )
    assert other.shape == (2, 10)
    assert np.array_equal(whole, other) == (name in OF_DATA | {"no lighting"})


def test_what_changes_nothing_is_no_variant():
    names = [name for name, _ in variants_of(paper.get_config())]
    assert names == [WHOLE] + [
        name for name, *_ in VARIANTS if name != "the paper's initial weights"
    ]
