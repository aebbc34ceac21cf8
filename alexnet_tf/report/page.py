"""The document around the sections."""

import dataclasses
import pathlib
from collections.abc import Sequence

from markupsafe import Markup

from alexnet_tf.report.rendering import render

# What the development server's page wears too, then what only a report has.
STYLES = ("base.css", "style.css")
# Whatever the page holds, a browser fetches nothing for it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        key: its anchor, a word.
        title: its heading.
        body: `Markup`.
    """

    key: str
    title: str
    body: Markup


def page(title: str, introduction: Markup, sections: Sequence[Section]) -> str:
    """A whole HTML document, complete in itself.

    Args:
        title: plain text.
        introduction: `Markup` below the heading.
        sections: its parts.
    """
    folder = pathlib.Path(__file__).parent
    style = "\n".join((folder / name).read_text("utf-8") for name in STYLES)
    return render(
        "page",
        title=title,
        introduction=introduction,
        sections=sections,
        policy=POLICY,
        style=Markup(style),
    )
