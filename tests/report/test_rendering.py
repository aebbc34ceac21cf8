"""Text stays text."""

import base64
import io

import jinja2
import numpy as np
import pytest
from PIL import Image

from alexnet_tf.report.chart import line_chart
from alexnet_tf.report.page import Section, page
from alexnet_tf.report.rendering import drawing, photograph, render


def test_text_and_attributes_are_escaped():
    text = 'a < b & "c"'
    escaped = "a &lt; b &amp; &#34;c&#34;"
    chart = line_chart(text, text, {text: [(1, 2.0)], "d": [(1, 2.0)]})
    assert f"<strong>{escaped}</strong>" in chart
    assert f'<span class="key line1">{escaped}</span>' in chart
    assert f'aria-label="{escaped} by {escaped}: {escaped} from' in chart
    assert text not in chart


def test_markup_is_not_escaped_twice():
    inner = render("config", changed=[], whole="<&>")
    outer = page("t <i>", inner, [Section("k", "<b>", inner)])
    assert outer.count("<pre>&lt;&amp;&gt;</pre>") == 2
    assert "<h1>t &lt;i&gt;</h1>" in outer
    assert "<h2>&lt;b&gt;</h2>" in outer


def test_what_is_made_of_markup_is_text_again():
    # Formatting loses the mark, and so it is escaped.
    inner = render("config", changed=[], whole="")
    assert "<pre>" in inner
    again = render("config", changed=[], whole=f"{inner}")
    assert again.count("<pre>") == 1
    assert "&lt;pre&gt;" in again


def test_a_value_that_a_template_lacks_is_a_fault():
    with pytest.raises(jinja2.UndefinedError, match="whole"):
        render("config", changed=[])


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
