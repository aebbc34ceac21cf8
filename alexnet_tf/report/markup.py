"""HTML in which text cannot become a tag."""

import base64
import html

import tensorflow as tf

VOID = ("img", "meta")  # have no closing tag


class Markup(str):
    """Text that is HTML already; everything else is escaped by `tag`."""


def tag(name, /, *children, **attributes):
    """An element.

    Args:
        name: of the element.
        *children: `Markup`, or anything else, whose text is escaped.
        **attributes: a trailing underscore is dropped and others become
            hyphens, as in `class_` and `aria_label`; None leaves the
            attribute away.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children):
    """Children one after the other, escaped as `tag` does it."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(str(child))
            for child in children
        )
    )


def table(head, rows, **attributes):
    """A table that scrolls sideways where it is too wide.

    Args:
        head: names of the columns.
        rows: lists of cells; the first one of each names the row.
    """
    content = tag(
        "table",
        tag(
            "thead",
            tag("tr", *(tag("th", name, scope="col") for name in head)),
        ),
        tag(
            "tbody",
            *(
                tag(
                    "tr",
                    tag("th", name, scope="row"),
                    *(tag("td", cell) for cell in cells),
                )
                for name, *cells in rows
            ),
        ),
        **attributes,
    )
    return tag("div", content, class_="wide", tabindex="0")


def photograph(pixels, alt):
    """An image of uint8 [H, W, 3] in the page itself, as JPEG."""
    encoded = tf.io.encode_jpeg(pixels, quality=88)
    return _inline(encoded, "jpeg", pixels, alt)


def drawing(pixels, alt):
    """An image of uint8 [H, W, 3 or 4] in the page itself, pixel by pixel."""
    return _inline(tf.io.encode_png(pixels), "png", pixels, alt)


def _inline(encoded, kind, pixels, alt):
    data = base64.b64encode(encoded.numpy()).decode()
    height, width = pixels.shape[:2]
    return tag(
        "img",
        src=f"data:image/{kind};base64,{data}",
        alt=alt,
        width=width,
        height=height,
    )
