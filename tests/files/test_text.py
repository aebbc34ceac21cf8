"""Names and texts that other programs wrote."""

import os
import unicodedata

import pytest

from alexnet_tf.files.text import (
    differing_in_form,
    is_printable,
    printable,
    read_text,
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.jpg", r"caf\xe9.jpg"),
        (b"a\nb.jpg", r"a\nb.jpg"),
        (b"\x1b[2J.jpg", r"\x1b[2J.jpg"),
        ("\u202egpj.exe".encode(), r"\u202egpj.exe"),
        ("a\u2028b\u0085".encode(), r"a\u2028b\u0085"),
        ("\udbff".encode("utf-8", "surrogatepass"), r"\xed\xaf\xbf"),
    ],
)
def test_what_garbles_text_is_escaped(name, shown):
    assert printable(os.fsdecode(name)) == shown
    assert not is_printable(os.fsdecode(name))
    assert is_printable(shown)


@pytest.mark.parametrize(
    "name",
    [
        "caf\u00e9",
        "cafe\u0301",
        "\u732b.jpg",
        "10.00\u202fAM",
        r"a\b",
        "\U0001f408",
    ],
)
def test_all_other_names_stay_as_they_are(name):
    assert printable(name) == name
    assert is_printable(name)


def test_names_that_look_alike_are_found():
    composed = ["\u00e9", "a", "\u0439"]
    decomposed = [unicodedata.normalize("NFD", name) for name in composed]
    found = differing_in_form(composed + decomposed)
    assert found == [("\u00e9", "e\u0301"), ("\u0439", "\u0438\u0306")]
    assert differing_in_form(composed) == []


def test_a_byte_order_mark_is_no_text(tmp_path):
    file = tmp_path / "text"
    file.write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9\n")
    assert read_text(file) == "caf\u00e9\n"
