"""Names of files that are images, and of those that are not."""

import pytest

from alexnet_tf.data.image_names import is_hidden, is_image_name
from alexnet_tf.data.sources.folder import load_folder


@pytest.mark.parametrize(
    "name",
    [
        *("a.jpg", "a.JPEG", "a.jpe", "a.JFIF", "a.png", "a.bmp", "a.webp"),
        *("a.gif", "a b.c.jpg", "a.jpg_", "a.jpg_large", "a.jpg:orig"),
        *("a.jpg (1)", "a.jpg_640x480", "a.jpeg?w=640&h=a.b", "a.jpg-2"),
        *("caf\u00e9.jpg", "jpg.jpg", "n01440764_10026.JPEG", "x\ny.png"),
    ],
)
def test_images(name):
    assert is_image_name(name)
    assert not is_hidden(name)


@pytest.mark.parametrize(
    "name",
    [
        *("a.txt", "jpg", ".jpg", "ajpg", "a.jpg.txt", "a.jpg.part", "a.jpgx"),
        *("a.jpg~", "a.jpg_original", "a.jpg_meta", "a.heic", "a.xmp", "a"),
        *("._a.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", ".a.jpg"),
    ],
)
def test_no_images(name):
    assert not is_image_name(name)


def test_training_reads_them_and_passes_over_what_systems_leave(
    tmp_path, capsys
):
    names = ("a.jfif", "b.JPE", "c.jpg_", "d.jpg_large", "e.png")
    for kind in ("one", "two"):
        folder = tmp_path / "train" / kind
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(b"")
        for name in ("Thumbs.db", ".DS_Store", "._a.jpg", "desktop.ini"):
            (folder / name).write_bytes(b"")
    assert load_folder(tmp_path).train.size == 2 * len(names)
    assert capsys.readouterr().out == ""
    (folder / "notes.txt").touch()
    assert load_folder(tmp_path).train.size == 2 * len(names)
    assert "left out 1 file in" in capsys.readouterr().out
