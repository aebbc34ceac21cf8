"""The page of the development server, in a browser."""

import base64
import io
import json
import math
import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from export.server.http.limits import Limits
from export.server.http.ui_files import SAMPLES
from export.server.models.model_manager import ModelManager
from export.server.models.versions import ModelConfig
from tests.browser import PHONE, prefer, resize
from tests.export.client.scripted_rest import Answer
from tests.export.server.scripted_page import (
    NO_CROPS,
    Held,
    ScriptedPage,
    ranking,
)
from tests.export.server.ui_page import answer_of

# Names of the WebDriver standard.
TAB, ENTER, DOWN = "\ue004", "\ue007", "\ue015"
FIVE = ("top left", "top right", "bottom left", "bottom right", "centre")
CROP_NAMES = [*FIVE, *(f"{name}, mirrored" for name in FIVE)]
AGAIN = "Try again"


@pytest.fixture
def serve():
    """Function of what a `ScriptedPage` takes: one that runs."""
    started = []

    def start(*models, port=0):
        started.append(ScriptedPage(*models, port=port))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def scripted(serve):
    """A `ScriptedPage` of one model that runs."""
    return serve("alexnet")


@pytest.fixture
def scripted_page(open_page, scripted):
    """The page at the scripted server."""
    return open_page(scripted.url)


@pytest.fixture
def cat(tmp_path):
    """A file in which the scripted server finds a cat."""
    return write(tmp_path / "cat.jpg", b"cat")


def write(file, content):
    file.write_bytes(content)
    return file


def check_answer(page, server, content):
    """The page shows what the REST interface says."""
    best = answer_of(server, "serving_default", content)
    assert best["valid"]
    assert len(best["classes"]) == 3
    pairs = zip(best["classes"], best["scores"], strict=True)
    assert page.bars() == [
        (name, score, percent(score)) for name, score in pairs
    ]
    crops = answer_of(server, "crops", content)["crops_bytes"]
    assert [crop.file for crop in page.crops()] == [
        base64.b64decode(crop["b64"]) for crop in crops
    ]
    assert page.text("fault") == ""


def percent(score):
    if score < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if score >= 0.9995 else f"{100 * score:.1f} %"


def check_refusals(page, *reasons):
    """Takes from the log that answers were missed, for these reasons alone."""
    messages = page.take_log(len(reasons))
    for message, reason in zip(messages, reasons, strict=True):
        assert "Failed to load resource" in message
        assert reason in message


def pixels(file):
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), np.int32)


def test_the_names_of_the_models(serving, connect):
    configs = [ModelConfig(name, f"/{name}") for name in ("vgg", "alexnet")]
    with serving(ModelManager(configs, load=None), Limits()) as url:
        answer = connect(url).ask("GET", "/ui/models.json")
    assert answer == (200, {"models": ["vgg", "alexnet"]})


def test_a_photograph_is_answered(page, server, photograph):
    assert page.bars() == []
    assert page.crops() == []
    page.choose(photograph)
    check_answer(page, server, photograph.read_bytes())
    name, _, percent = page.bars()[0]
    assert page.text("status") == f"00.png: {name}, {percent}"
    assert page.text("source") == "Answered by the model alexnet, version 2."
    assert not page.element("choice").is_displayed()
    preview = page.element("preview")
    assert preview.get_attribute("alt") == "The photograph 00.png"
    assert preview.get_property("naturalWidth") == 80


def test_bars_are_as_long_as_probabilities_are_high(page, photograph):
    prefer(page.driver, reduced_motion="reduce")
    page.choose(photograph)
    for row, (_, score, _) in zip(
        page.driver.find_elements("css selector", ".bar"),
        page.bars(),
        strict=True,
    ):
        track, fill = row.find_elements("tag name", "span")
        width = fill.rect["width"] / track.rect["width"]
        assert width == pytest.approx(score, abs=0.01)


def test_crops_are_named_for_what_they_show(page, tmp_path):
    # 256x256 stays as it is; each corner has a colour of its own.
    colours = {
        (0, 0): (255, 0, 0),
        (0, 240): (0, 255, 0),
        (240, 0): (0, 0, 255),
        (240, 240): (255, 255, 0),
    }
    picture = np.full((256, 256, 3), 128, np.uint8)
    for (top, left), colour in colours.items():
        picture[top : top + 16, left : left + 16] = colour
    file = tmp_path / "corners.png"
    Image.fromarray(picture).save(file)
    page.choose(file)
    crops = page.crops()
    assert [crop.caption for crop in crops] == CROP_NAMES
    assert [crop.alt for crop in crops] == [
        f"Crop {i}: {name}" for i, name in enumerate(CROP_NAMES, 1)
    ]
    assert {(crop.width, crop.height) for crop in crops} == {(224, 224)}
    grey = (128, 128, 128)
    seen = dict(zip(FIVE, [*colours.items(), ((104, 104), grey)], strict=True))
    for crop in crops:
        name, *mirrored = crop.caption.split(", ")
        (top, left), colour = seen[name]
        view = pixels(crop.file)
        if mirrored:
            view = view[:, ::-1]
        top, left = (min(place, 224 - 16) for place in (top, left))
        patch = view[top + 4 : top + 12, left + 4 : left + 12]
        assert np.abs(patch - colour).max() < 16, crop.caption
        assert np.abs(view[112, 112] - grey).max() < 16


@pytest.mark.parametrize("target", ["#zone", "footer"])
def test_a_dropped_file_is_answered(page, server, photograph, target):
    content = photograph.read_bytes()
    assert page.send("drop", target, "x.png", content)
    check_answer(page, server, content)


def test_a_pasted_picture_is_answered(page, server, photograph):
    content = photograph.read_bytes()
    page.send("paste", "body", "x.png", content)
    check_answer(page, server, content)


def test_text_can_be_dropped_or_pasted_without_harm(page):
    assert page.send("drop", "#zone")
    assert "no file" in page.text("fault")
    page.send("paste", "body")
    assert page.bars() == []


def test_an_exif_rotation_is_applied_everywhere(page, tmp_path):
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[:, :200] = (255, 0, 0)
    picture[:, 200:] = (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right: what was left is on top
    file = tmp_path / "rotated.jpg"
    Image.fromarray(picture).save(file, quality=95, exif=exif)
    page.choose(file)
    preview = page.element("preview")
    assert preview.get_property("naturalWidth") == 300
    assert preview.get_property("naturalHeight") == 400
    shown = pixels(preview.screenshot_as_png)
    for view in [shown, *(pixels(crop.file) for crop in page.crops())]:
        height, width, _ = view.shape
        top, bottom = view[height // 8, width // 2], view[-height // 8, 20]
        assert np.abs(top - (255, 0, 0)).max() < 16
        assert np.abs(bottom - (0, 0, 255)).max() < 16


def test_the_same_file_can_be_chosen_again(page, server, tmp_path, photograph):
    file = write(tmp_path / "x.png", b"not yet an image")
    page.choose(file)
    assert page.bars() == []
    file.write_bytes(photograph.read_bytes())
    page.choose(file)
    check_answer(page, server, photograph.read_bytes())


@pytest.mark.parametrize("content", [b"Dear diary", b""])
def test_what_is_no_image_is_told(page, server, photograph, tmp_path, content):
    page.choose(photograph)
    page.choose(write(tmp_path / "<b>diary.txt", content))
    assert page.text("fault").startswith("<b>diary.txt is not an image")
    assert page.bars() == []
    assert page.crops() == []
    assert page.text("source") == ""
    assert not page.element("again").is_displayed()
    assert not page.element("preview").is_displayed()
    page.choose(photograph)
    check_answer(page, server, photograph.read_bytes())


def test_too_large_a_file_is_told(page, tmp_path):
    file = tmp_path / "large.jpg"
    with file.open("wb") as large:
        large.truncate(51_000_000)  # in base64 over the server's 64 MiB
    page.choose(file)
    told = page.text("fault")
    assert told.startswith("large.jpg (51.0 MB) is too large for the server.")
    check_refusals(page, "413")


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("base64")),
    reason="curl or base64 is not installed",
)
def test_the_command_asks_what_the_page_asks(
    page, server, photograph, tmp_path
):
    file = write(tmp_path / "it's $HOME.png", photograph.read_bytes())
    page.choose(file)
    done = subprocess.run(
        ["sh", "-c", page.text("command")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=True,
    )
    [row] = json.loads(done.stdout)["predictions"]
    assert row == answer_of(server, "serving_default", file.read_bytes())


def test_the_command_can_be_copied(scripted_page):
    page = scripted_page
    page.press(*[TAB] * (1 + SAMPLES), TAB, ENTER)
    assert page.focus() == "copy"
    page.wait_until(lambda: page.text("copied"))
    assert page.run("return String(getSelection())") == page.text("command")


def test_the_keyboard_reaches_everything(open_page, serve):
    page = open_page(serve("alexnet", "caffe").url)
    without = pixels(page.driver.get_screenshot_as_png())
    for name in ("model", "second", "photograph", "sample", "copy"):
        page.press(TAB)
        if name == "copy":
            page.press(*[TAB] * (SAMPLES - 1))
        assert page.focus() == (name if name != "sample" else None)
        shown = pixels(page.driver.get_screenshot_as_png())
        changed = np.abs(shown - without).max(axis=2) > 64
        assert changed.sum() > 300, f"the focus on {name} is not seen"
    page.press(TAB)
    assert page.focus() is None


@pytest.mark.parametrize("key", [" ", ENTER])
def test_the_keyboard_opens_the_dialog(scripted_page, key):
    scripted_page.run(
        "window.opened = 0; document.getElementById('photograph')"
        ".addEventListener('click', () => { window.opened += 1; })"
    )
    scripted_page.press(TAB, key)
    scripted_page.wait_until(lambda: scripted_page.run("return window.opened"))
    assert scripted_page.run("return window.opened") == 1


def test_names_for_screen_readers(page, photograph):
    page.choose(photograph)
    assert page.run("return document.documentElement.lang") == "en"
    assert "AlexNet" in page.driver.title
    assert page.element("photograph").accessible_name == "Choose a photograph"
    assert page.element("classes").aria_role == "table"
    assert page.element("classes").accessible_name
    heads = page.driver.find_elements("css selector", "#classes th")
    assert [(head.aria_role, head.accessible_name) for head in heads] == [
        ("columnheader", "Class"),
        ("columnheader", "Probability"),
        *(("rowheader", name) for name, _, _ in page.bars()),
    ]
    assert page.element("status").aria_role == "status"
    assert page.element("fault").aria_role == "alert"


def test_a_stopped_server_is_told(open_page, serve, cat):
    server = serve("alexnet")
    page = open_page(server.url)
    server.stop()
    page.choose(cat)
    assert page.text("fault").startswith(f"No server answers at {server.url}")
    check_refusals(page, "ERR_CONNECTION_REFUSED")
    serve("alexnet", port=server.server_port)
    page.press(*[TAB] * (1 + SAMPLES), TAB)
    assert page.focus() == "again"
    page.press(ENTER)
    page.wait_for_answer()
    assert page.bars()[0][0] == "cat"
    assert page.text("fault") == ""
    assert not page.element("again").is_displayed()
    assert page.focus() == "photograph"
    check_refusals(page, "400")  # of the crops, which it has not


HTML = Answer(502, b"<h1>Bad Gateway</h1>", kind="text/html")
NAN = Answer(body=b'{"predictions": [{"scores": [NaN]}]}')
LONG = Answer(400, {"error": "JSON Value: " + 200_000 * "A"})


@pytest.mark.parametrize(
    ("answer", "told", "may_pass"),
    [
        (Answer(503, {"error": "64 wait"}), "server is busy, try again", True),
        (Answer(429, {"error": "full"}), "server is busy, try again", True),
        (Answer(504, {"error": "No answer"}), "server is busy", True),
        (Answer(404, {"error": "Servable?"}), "model alexnet is not", False),
        (Answer(500, {"error": "<i>fault</i>"}), "500: <i>fault</i>", False),
        (LONG, "model alexnet is not made for this page", False),
        (HTML, "502: <h1>Bad Gateway</h1>", False),
    ],
)
def test_refusals_are_told(
    scripted, scripted_page, cat, answer, told, may_pass
):
    page = scripted_page
    scripted.script = [answer]
    page.choose(cat)
    assert told in page.text("fault")
    assert len(page.text("fault")) < 500
    assert page.element("again").is_displayed() == may_pass
    assert page.bars() == []
    check_refusals(page, str(answer.status))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (NAN, "NaN"),
        (Answer(body={"predictions": [1.5]}), "not made for this page"),
        (Answer(body={"predictions": [None]}), "not made for this page"),
        (Answer(body={"predictions": []}), "not made for this page"),
        (
            Answer(body={"predictions": [{"classes": ["a"], "scores": [1]}]}),
            "not made for this page",
        ),
    ],
)
def test_answers_of_other_models_are_told(
    scripted, scripted_page, cat, answer, told
):
    scripted.script = [answer]
    scripted_page.choose(cat)
    assert told in scripted_page.text("fault")
    assert scripted_page.bars() == []


def test_a_model_without_crops(scripted_page, cat):
    scripted_page.choose(cat)
    assert [bar[0] for bar in scripted_page.bars()] == ["cat", "another"]
    assert scripted_page.crops() == []
    assert "did not show its crops" in scripted_page.text("views-text")
    # The newest version is still being loaded.
    assert scripted_page.text("source").endswith("alexnet, version 2.")
    check_refusals(scripted_page, "400")


def test_names_of_classes_are_text(scripted, scripted_page, cat):
    names = ["<img src=x onerror=alert(1)>", "a&amp;b", "日本", "קרפיון", "e"]
    scripted.script = [ranking(*names)]
    scripted_page.choose(cat)
    assert [bar[0] for bar in scripted_page.bars()] == names
    assert [bar[2] for bar in scripted_page.bars()] == [
        "50.0 %",
        "25.0 %",
        "12.5 %",
        "6.3 %",
        "3.1 %",
    ]
    check_refusals(scripted_page, "400")


def test_nothing_is_certain_or_impossible(scripted, scripted_page, cat):
    scores = [0.99999, 0.0004, 1e-30, 0.0, 1.0]
    row = {"classes": list("abcde"), "scores": scores, "valid": True}
    scripted.script = [Answer(body={"predictions": [row]})]
    scripted_page.choose(cat)
    assert [bar[1] for bar in scripted_page.bars()] == scores
    assert [bar[2] for bar in scripted_page.bars()] == [
        "> 99.9 %",
        "< 0.1 %",
        "< 0.1 %",
        "0.0 %",
        "100.0 %",
    ]
    check_refusals(scripted_page, "400")


@pytest.mark.parametrize("late", [ranking("cat"), Answer(503, {"error": ""})])
def test_the_last_choice_wins(scripted, scripted_page, tmp_path, cat, late):
    held = Held(late)
    scripted.script = [held]
    scripted_page.start_choosing(cat)
    scripted_page.wait_until(lambda: scripted.posts)
    assert "cat.jpg" in scripted_page.text("status")
    scripted_page.choose(write(tmp_path / "dog.jpg", b"dog"))
    held.release()
    # Had the page still waited for the cat, it would know by now.
    scripted_page.run("return fetch('models.json').then(() => 0)")
    assert scripted_page.bars()[0][0] == "dog"
    assert scripted_page.text("status").startswith("dog.jpg: dog")
    assert scripted_page.text("fault") == ""
    assert [(signature, image) for _, signature, image in scripted.posts] == [
        ("serving_default", b"cat"),
        ("serving_default", b"dog"),
        ("crops", b"dog"),
    ]
    check_refusals(scripted_page, "400")


def test_no_answer_is_shown_under_another_name(
    scripted, scripted_page, tmp_path, cat
):
    page = scripted_page
    page.run(
        "window.said = []; new MutationObserver(() => "
        "said.push(document.getElementById('status').textContent))"
        ".observe(document.getElementById('status'), { childList: true })"
    )
    scripted.crops = held = Held(NO_CROPS)
    page.start_choosing(cat)
    page.wait_until(lambda: len(scripted.posts) == 2)
    scripted.crops = NO_CROPS
    page.choose(write(tmp_path / "dog.jpg", b"dog"))
    held.release()
    assert page.run("return said") == [
        "Looking at cat.jpg …",
        "Looking at dog.jpg …",
        "dog.jpg: dog, 50.0\xa0%",
    ]
    check_refusals(page, "400")


def test_a_model_can_be_chosen(open_page, serve, cat):
    server = serve("alexnet", "<b> & 50%")
    page = open_page(server.url)
    page.choose(cat)
    assert server.posts[-1][0] == "/v1/models/alexnet:predict"
    page.element("model").send_keys(DOWN)
    page.wait_for_answer()
    path = "/v1/models/%3Cb%3E%20%26%2050%25"
    assert server.posts[-1] == (f"{path}:predict", "crops", b"cat")
    source = "Answered by the model <b> & 50%, version 2."
    assert page.text("source") == source
    assert f"'{server.url}{path}:predict'" in page.text("command")
    check_refusals(page, "400", "400")  # of the crops, which it has not


def test_nothing_is_wider_than_a_phone(open_page, serve, tmp_path):
    server = serve("alexnet", "m" * 100)
    page = open_page(server.url)
    resize(page.driver, *PHONE)

    def check_width():
        assert page.run("return document.documentElement.scrollWidth") == 390

    check_width()
    name = "n" * 200
    file = write(tmp_path / f"{name}.jpg", b"cat")
    server.script = [ranking("w" * 100, "two words", "3", "4", "5")]
    page.choose(file)
    assert len(page.bars()) == 5
    check_width()
    server.script = [Answer(503, {"error": "w" * 200})]
    page.choose(file)
    assert page.text("fault")
    check_width()
    check_refusals(page, "400", "503")


def test_a_phone_shows_the_whole_answer(page, photograph):
    resize(page.driver, *PHONE)
    page.choose(photograph)
    assert page.run("return document.documentElement.scrollWidth") == 390
    places = [
        image.rect
        for image in page.driver.find_elements("css selector", "#crops img")
    ]
    assert {round(place["width"]) for place in places} == {
        round(places[0]["width"])
    }
    assert places[0]["width"] > 140
    for crop, mirrored in zip(places[:5], places[5:], strict=True):
        assert crop["y"] == mirrored["y"]
        assert crop["x"] < mirrored["x"]


def test_motion_is_left_out_for_those_who_ask(page, photograph):
    page.choose(photograph)
    fill = page.driver.find_element("css selector", ".bar span span")
    assert fill.value_of_css_property("animation-name") == "grow"
    prefer(page.driver, reduced_motion="reduce")
    assert fill.value_of_css_property("animation-name") == "none"


TEXTS = """
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
    behind = behind.parentElement;
  texts.push([
    walker.currentNode.data.trim(),
    getComputedStyle(element).color,
    getComputedStyle(behind).backgroundColor,
  ]);
}
return texts;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scripted, scripted_page, cat, scheme):
    page = scripted_page
    prefer(page.driver, scheme)
    page.choose(cat)
    texts = page.run(TEXTS)
    scripted.script = [Answer(503, {"error": "full"})]
    page.choose(cat)
    texts += page.run(TEXTS)
    assert {"cat", "No answer.", AGAIN} <= {text for text, _, _ in texts}
    sheets = {background for _, _, background in texts}
    assert (scheme == "dark") == (max(map(luminance, sheets)) < 0.5)
    for text, colour, background in texts:
        assert contrast(colour, background) >= 4.5, text
    check_refusals(page, "400", "503")


def contrast(*colours):
    """WCAG 2.2, "contrast ratio"."""
    dark, bright = sorted(map(luminance, colours))
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour):
    """WCAG 2.2, "relative luminance", of "rgb(R, G, B)"."""
    assert colour.startswith("rgb(")
    channels = [int(c) / 255 for c in colour[4:-1].split(",")]
    linear = [
        c / 12.92 if c <= 0.04045 else math.pow((c + 0.055) / 1.055, 2.4)
        for c in channels
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))
