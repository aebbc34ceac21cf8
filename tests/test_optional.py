"""What is said where an optional package is missing."""

import sys

import pytest

from alexnet_tf.errors import UserError, one_line
from alexnet_tf.optional import import_or_explain


def test_a_package_that_is_there_is_imported():
    module = import_or_explain("json.decoder", "this test")
    assert module is sys.modules["json.decoder"]


@pytest.mark.parametrize(
    ("install", "command"),
    [("--group retrieval",) * 2, (None, "no_such_package")],
)
def test_a_missing_package_is_one_line_with_the_command(install, command):
    with pytest.raises(UserError) as error:
        import_or_explain("no_such_package.part", "the search", install)
    assert str(error.value) == (
        f"the search needs no_such_package: pip install {command}"
    )


def test_what_an_installed_package_lacks_keeps_its_traceback(
    tmp_path, monkeypatch
):
    (tmp_path / "broken_package.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_or_explain("broken_package", "the search")


def test_one_line_says_where_it_left_something_out():
    error = ValueError("a  b\n\tc\r\nd")
    assert one_line(error) == "a b c d"
    assert one_line(error, 7) == "a b c d"
    assert one_line(error, 3) == "a b ..."
