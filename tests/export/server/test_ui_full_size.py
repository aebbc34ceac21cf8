"""The page on networks of full width: the paper's, and one without towers."""

import time

import pytest

from benchmarks.serve_exports import random_network
from configs import paper
from export.labels import write_labels
from export.signatures import Signatures
from export.writer import save
from tests.contract.local_server import LocalServer
from tests.export.server.test_ui_inside import (
    check_evidence,
    check_maps,
    crossed,
    maps_of,
)

pytestmark = pytest.mark.slow
MEETINGS = ["layer-conv3", "layer-fc6", "layer-fc7", "layer-fc8"]


@pytest.mark.parametrize(
    ("towers", "classes", "meetings"), [(2, 1000, MEETINGS), (1, 5, [])]
)
def test_the_inside_is_that_of_keras(
    open_page, photograph, tmp_path, towers, classes, meetings
):
    config = paper.get_config().model
    config.towers, config.num_classes = towers, classes
    network = random_network(config)
    names = tuple(f"class {number}" for number in range(classes))
    version = tmp_path / "alexnet" / "1"
    save(version, Signatures(network, config.crop, names))
    write_labels(version, names)
    with LocalServer(f"--export_dir={version.parent}") as server:
        page = open_page(server.url)
        page.choose(photograph)
        answered = time.monotonic()
        page.wait_until(
            lambda: page.run(
                "return !!document.querySelector('#layer-conv1 .tile')"
            )
        )
        first = time.monotonic() - answered
        page.wait_for_inside()
        whole = time.monotonic() - answered
        print(f"first maps after {first:.2f} s, the last after {whole:.2f} s")
        maps = maps_of(network, photograph)
        check_maps(page, maps)
        assert crossed(page) == meetings
        check_evidence(page, network, maps["record"], names)
