"""Text of files and their names, whatever wrote them."""

import os
import pathlib
import unicodedata
from collections.abc import Iterable, Sequence

# Control characters, halves of characters, and ends of lines.
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
# What makes the text after it, or before, appear elsewhere than it stands.
TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def read_text(path: str | os.PathLike) -> str:
    """The text of a UTF-8 file, without the mark some editors put in front.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read.
    """
    return pathlib.Path(path).read_text("utf-8-sig")


def is_printable(name: str) -> bool:
    """Whether a name has no control characters, newlines or odd bytes."""
    return all(map(_is_plain, name))


def printable(name: str) -> str:
    r"""A name as tables, JSON, CSV, pictures and messages show it.

    Bytes that are not UTF-8 become \xe9, control characters \n or \x1b, and
    what else would garble the text around it \u202e; all else stays as it is.
    """
    return "".join(c if _is_plain(c) else _escaped(c) for c in name)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count before its noun.

    Args:
        count: of the things.
        one: the noun, perhaps with words after it, where there is one.
        many: the same for any other count, by default `one` with an s.

    >>> counted(1, "image"), counted(2345, "class is", "classes are")
    ('1 image', '2,345 classes are')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def few(names: Sequence[str], most: int = 5) -> str:
    """The first names, with dots behind them where there are more."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def markdown_table(rows: Iterable[Sequence[object]]) -> str:
    """Rows of cells as a table in Markdown, the headings first."""
    headings, *rest = rows
    lines = [
        "| " + " | ".join(str(c).replace("|", r"\|") for c in cells) + " |"
        for cells in (headings, *rest)
    ]
    lines.insert(1, "|" + "---|" * len(headings))
    return "\n".join(lines) + "\n"


def differing_in_form(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that look alike but are encoded in two ways.

    Unicode writes an accented letter as one character or as two (NFC, NFD).
    """
    first: dict[str, str] = {}
    pairs = []
    for name in names:
        other = first.setdefault(unicodedata.normalize("NFC", name), name)
        if other != name:
            pairs.append((other, name))
    return pairs


def _is_plain(character: str) -> bool:
    return (
        unicodedata.category(character) not in UNPRINTABLE
        and unicodedata.bidirectional(character) not in TURNING
    )


def _escaped(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if ord(character) < 0x80:
        return ascii(character)[1:-1]
    return f"\\u{ord(character):04x}"
