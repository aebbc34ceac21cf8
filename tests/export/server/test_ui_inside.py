"""What the page of the development server shows of the network's inside."""

import keras
import numpy as np
import pytest
from axe_core_python import base as axe
from PIL import Image

from alexnet_tf.analysis.grad_cam import GradCam
from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from tests.browser import PHONE, prefer, resize
from tests.export.server.ui_page import answer_of

# Names of the WebDriver standard.
TAB, ENTER, RIGHT = "\ue004", "\ue007", "\ue014"
LAYERS = (
    *("conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2"),
    *("conv3", "conv4", "conv5", "pool5"),
)


@pytest.fixture(scope="module")
def network(finished_run):
    return load_trained(Run(finished_run)).network


@pytest.fixture(scope="module")
def maps(network, image_folder):
    """`maps_of` the photograph."""
    return maps_of(network, image_folder / "val" / "red" / "00.png")


def maps_of(network, file):
    """{layer: float32 [H, W, maps] of each tower}: Keras' outputs.

    Also "record", the image they were made from, uint8 [256, 256, 3].
    """
    record = to_record(decode(file.read_bytes())).numpy()
    outputs = {name: network.get_layer(name).tower_outputs for name in LAYERS}
    found = keras.Model(network.input, outputs)(record[None, 16:240, 16:240])
    towers = {
        name: [np.asarray(tower)[0] for tower in found[name]] for name in LAYERS
    }
    return {"record": record, **towers}


def tiles(page, layer, tower=0):
    """The maps of a strip, as buttons."""
    strips = page.driver.find_elements("css selector", f"#layer-{layer} .strip")
    return strips[tower].find_elements("tag name", "button")


def detail_of(page, layer, tower, place):
    """Opens a strip's first map; (its number, the values that are shown)."""
    [button, *_] = tiles(page, layer, tower)
    page.run("arguments[0].click()", button)
    row, column = page.driver.find_elements("css selector", ".place input")
    for field, value in zip((row, column), place, strict=True):
        page.run(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input'))",
            field,
            value,
        )
    shown = "return [...document.querySelectorAll('.formula data')].map("
    page.wait_until(lambda: len(page.run(f"{shown}(d) => d.value)")) == 2)
    return int(button.get_attribute("data-map")), [
        float(value) for value in page.run(f"{shown}(d) => d.value)")
    ]


def test_the_inside_is_that_of_keras(page, network, maps, photograph):
    page.choose(photograph)
    page.wait_for_inside()
    check_maps(page, maps)
    # Where lines cross the towers meet: figure 2.
    assert crossed(page) == [
        f"layer-{n}" for n in ("conv3", "fc6", "fc7", "fc8")
    ]
    check_evidence(page, network, maps["record"], ("blue", "green", "red"))


def crossed(page):
    """Names of the elements of layers at which lines cross."""
    return page.run(
        "return [...document.querySelectorAll('.layer')].filter((layer) =>"
        " layer.querySelector('.crossing')).map((layer) => layer.id)"
    )


def check_maps(page, maps):
    """Each tower's strip has its brightest maps; their numbers are Keras'."""
    for layer in LAYERS:
        first = 0
        for tower, own in enumerate(maps[layer]):
            sums = own.astype(np.float64).sum(axis=(0, 1))
            shown = [
                int(tile.get_attribute("data-map")) - first
                for tile in tiles(page, layer, tower)
            ]
            assert set(shown) <= set(range(len(sums))), "of another tower"
            brightness = sums[shown]
            assert brightness[0] == pytest.approx(max(sums), rel=1e-4)
            assert all(np.diff(brightness) <= 1e-4 * max(sums))
            first += len(sums)
    for layer in ("conv1", "lrn1", "pool1", "conv2", "conv3"):
        first, side = 0, len(maps[layer][0])
        places = ((0, side - 1), (side // 2, 3))
        for tower, own in enumerate(maps[layer]):
            place = places[tower]
            number, values = detail_of(page, layer, tower, place)
            wanted = own[(*place, number - first)]
            # What the page computes, then what the model has.
            assert values == pytest.approx([wanted] * 2, rel=1e-3, abs=1e-4)
            first += own.shape[-1]


def check_evidence(page, network, record, names):
    """Grad-CAM of each class: its largest value, and where that is."""
    radios = page.driver.find_elements("css selector", "#labels input")
    assert len(radios) == min(len(names), 5)
    for radio in radios:
        label = int(radio.get_attribute("value"))
        page.run("arguments[0].click()", radio)
        caption = "return document.querySelector('#evidence span').textContent"
        page.wait_until(lambda: page.run(caption) == names[label])  # noqa: B023
        [rows] = GradCam(network)(record[None, 16:240, 16:240], [label]).numpy()
        shown = page.run(
            "return [...document.querySelectorAll('#evidence data')]"
            ".map((d) => Number(d.value))"
        )
        if rows.max() == 0:
            assert shown == []
            continue
        row, column, most = shown
        assert most == pytest.approx(rows.max(), rel=1e-3)
        assert rows[int(row), int(column)] == pytest.approx(most, rel=1e-3)


def test_the_mean_of_the_crops(page, server, photograph):
    page.choose(photograph)
    page.wait_for_inside()
    best = answer_of(server, "serving_default", photograph.read_bytes())
    own = page.run(
        "return [...document.querySelectorAll('.own')].map((list) =>"
        " Object.fromEntries([...list.children].map((line) =>"
        " [line.firstChild.textContent.trim(),"
        " Number(line.querySelector('data').value)])))"
    )
    assert len(own) == 10
    for name, score in zip(best["classes"], best["scores"], strict=True):
        mean = np.mean([crop[name] for crop in own])
        assert mean == pytest.approx(score, abs=1e-6)


@pytest.mark.slow
def test_two_versions_side_by_side(page, photograph):
    page.choose(photograph)
    page.wait_for_inside()
    page.element("second").send_keys("alexnet, version 1")
    page.wait_for_answer()
    page.wait_for_inside()
    assert page.text("beside-title") == "Beside it: alexnet, version 1"
    rows = (
        "return [...document.querySelectorAll(arguments[0])]"
        ".map((d) => d.value)"
    )
    assert page.run(rows, "#beside-bars data") == page.run(rows, "#bars data")
    captions = page.run(
        "return [...document.querySelectorAll('#evidence figcaption')]"
        ".map((caption) => caption.innerText)"
    )
    assert captions[1] == f"alexnet, version 1: {captions[0]}"
    assert page.run(
        "return performance.getEntriesByType('resource').some("
        "({ name }) => name.endsWith('/versions/1:predict'))"
    )


def test_the_keyboard_alone_goes_inside(page, photograph):
    resize(page.driver, *PHONE)
    page.choose(photograph)
    page.wait_for_inside()
    page.run("document.querySelector('#layer-conv2 .tile').focus()")
    page.press(RIGHT, ENTER)
    panel = page.driver.find_element("css selector", ".detail")
    name = tiles(page, "conv2")[1].get_attribute("aria-label")
    assert panel.accessible_name == name
    assert page.run("return document.documentElement.scrollWidth") == 390
    page.press(TAB, TAB)  # past the other tower's strip
    assert page.run("return document.activeElement.textContent") == "Close"
    page.press(ENTER)
    assert page.driver.find_elements("css selector", ".detail") == []
    focused = page.run("return document.activeElement.ariaLabel")
    assert focused == name


def test_a_sample_is_answered_and_covered(page):
    page.run("document.querySelector('#samples button').click()")
    page.wait_until(
        lambda: page.text("status").startswith("T-shirt or top.png: ")
    )
    page.wait_for_inside()
    page.run("document.getElementById('occlude').click()")
    page.wait_until(lambda: page.text("occluded"))
    assert page.text("occluded").startswith("Done: uncovered")


@pytest.mark.parametrize("size", [(1280, 900), PHONE])
def test_nothing_moves_while_maps_arrive(page, photograph, size):
    resize(page.driver, *size)
    page.choose(photograph)
    page.wait_until(
        lambda: page.run("return !document.getElementById('why').hidden")
    )
    places = (
        "return ['views', 'why', 'inside'].map((id) => "
        "document.getElementById(id).offsetTop)"
    )
    first = page.run(places)
    page.wait_for_inside()
    assert page.run(places) == first


def test_a_picture_of_nothing_is_told(page, tmp_path):
    file = tmp_path / "grey.png"
    Image.new("RGB", (256, 256), (128, 128, 128)).save(file)
    page.choose(file)
    page.wait_for_inside()
    [(_, score, _), *_] = page.bars()
    # All crops are the same: whether that is told depends on the answer.
    assert ("unlike anything" in page.text("unmoved")) == (score < 0.95)


def test_axe_finds_nothing(page, photograph):
    page.choose(photograph)
    page.wait_for_inside()
    page.run("document.querySelector('#layer-conv1 .tile').click()")
    page.wait_until(
        lambda: page.run("return !!document.querySelector('.kernel')")
    )
    page.run(axe.AXE_FILE_PATH.read_text())
    for scheme in ("light", "dark"):
        prefer(page.driver, scheme, reduced_motion="reduce")
        found = page.driver.execute_async_script(
            "axe.run().then(arguments[arguments.length - 1])"
        )
        assert found["passes"]
        faults = [
            (fault["id"], node["html"])
            for fault in found["violations"]
            for node in fault["nodes"]
        ]
        assert faults == []
