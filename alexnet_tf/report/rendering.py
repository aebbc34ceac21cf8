"""HTML in which text cannot become a tag: Jinja2's, with autoescape."""

import base64
import pathlib
from typing import Any

import jinja2
import numpy as np
import tensorflow as tf
from markupsafe import Markup

FOLDER = pathlib.Path(__file__).with_name("templates")


def render(name: str, **values: Any) -> Markup:
    """A template of `templates/` filled in; text in it is escaped.

    Args:
        name: of its file, without .html.
        **values: what the template names; `Markup` is HTML already.
    """
    return Markup(_templates.get_template(f"{name}.html").render(values))


def photograph(pixels: np.ndarray, alt: str) -> Markup:
    """An image of uint8 [H, W, 3] in the page itself, as JPEG."""
    encoded = tf.io.encode_jpeg(pixels, quality=88)
    return _inline(encoded, "jpeg", pixels, alt)


def drawing(pixels: np.ndarray, alt: str) -> Markup:
    """An image of uint8 [H, W, 3 or 4] in the page itself, pixel by pixel."""
    return _inline(tf.io.encode_png(pixels), "png", pixels, alt)


def _inline(
    encoded: tf.Tensor, kind: str, pixels: np.ndarray, alt: str
) -> Markup:
    data = base64.b64encode(encoded.numpy()).decode()
    height, width = pixels.shape[:2]
    return Markup(
        '<img src="data:image/{};base64,{}" alt="{}" width="{}" height="{}">'
    ).format(kind, data, alt, width, height)


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER, encoding="utf-8"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(photograph=photograph, drawing=drawing)
