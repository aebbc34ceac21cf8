"""The document around the sections."""

import dataclasses
import pathlib

from alexnet_tf.report.markup import Markup, joined, tag

STYLE = pathlib.Path(__file__).with_name("style.css")
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


def page(title, introduction, sections):
    """A whole HTML document, complete in itself.

    Args:
        title: plain text.
        introduction: `Markup` below the heading.
        sections: `Section`s.
    """
    contents = tag(
        "nav",
        tag(
            "ul",
            *(tag("li", tag("a", s.title, href=f"#{s.key}")) for s in sections),
        ),
        aria_label="Contents",
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag(
            "meta",
            name="viewport",
            content="width=device-width, initial-scale=1",
        ),
        tag("title", title),
        tag("style", Markup(STYLE.read_text("utf-8"))),
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), introduction, contents),
        tag(
            "main",
            *(
                tag("section", tag("h2", s.title), s.body, id=s.key)
                for s in sections
            ),
        ),
    )
    return joined(
        Markup("<!DOCTYPE html>\n"),
        tag("html", head, "\n", body, lang="en"),
        "\n",
    )
