"""Text stays text."""

import base64
import io

import numpy as np
from PIL import Image

from alexnet_tf.report.markup import Markup, drawing, joined, photograph, tag


def test_text_and_attributes_are_escaped():
    element = tag("p", "a < b & c", title='"quoted"', class_="x", data_y=None)
    assert element == (
        '<p title="&quot;quoted&quot;" class="x">a &lt; b &amp; c</p>'
    )


def test_markup_is_not_escaped_twice():
    inner = tag("b", "&")
    assert tag("p", inner, 3) == "<p><b>&amp;</b>3</p>"
    assert joined(inner, "<i>") == "<b>&amp;</b>&lt;i&gt;"


def test_what_is_made_of_markup_is_text_again():
    # Formatting and joining lose the mark, and so are escaped.
    assert tag("p", f"{Markup('<b>')}") == "<p>&lt;b&gt;</p>"
    assert tag("p", Markup("<b>") + "<i>") == "<p>&lt;b&gt;&lt;i&gt;</p>"


def decoded(element, kind):
    start = f'<img src="data:image/{kind};base64,'
    assert element.startswith(start)
    data = base64.b64decode(element.removeprefix(start).split('"')[0])
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def test_drawings_keep_every_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    element = drawing(pixels, "an <alt>")
    np.testing.assert_array_equal(decoded(element, "png"), pixels)
    assert 'alt="an &lt;alt&gt;" width="7" height="5">' in element


def test_photographs_look_the_same():
    ramp = np.arange(64, dtype=np.uint8)[:, None, None]
    pixels = np.tile(ramp, (1, 64, 3))
    found = decoded(photograph(pixels, ""), "jpeg").astype(int)
    assert np.abs(found - pixels).max() <= 4
