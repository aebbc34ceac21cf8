"""Reading images a request at a time."""

import base64
import json
import os
import pathlib

import pytest

from export.client import batches as batches_module
from export.client.batches import Image, batches
from export.server.http.limits import Limits


@pytest.fixture
def ten_bytes(monkeypatch):
    monkeypatch.setattr(batches_module, "MOST_BYTES", 10)


def contents(images, size):
    return [[i.content for i in batch] for batch in batches(images, size)]


def test_a_request_holds_no_more_bytes_than_allowed(ten_bytes):
    images = [b"1234", b"123456", b"1", b"1234567890", b"12"]
    assert contents(images, 8) == [
        [b"1234", b"123456"],
        [b"1"],
        [b"1234567890"],
        [b"12"],
    ]


def test_a_larger_image_is_not_sent(ten_bytes, tmp_path):
    file = tmp_path / "film.avi"
    file.write_bytes(b"12345678901")
    [batch] = batches([file, b"12345678901", b"1"], 8)
    assert batch[0].content is None
    assert batch[0].error == batch[1].error == "larger than 0 MiB"
    assert batch[2] == Image(None, b"1")


def test_the_server_takes_what_one_request_may_hold():
    most = batches_module.MOST_BYTES
    [batch] = batches([bytes(most // 8)] * 8, 8)
    instances = [
        {"b64": base64.b64encode(image.content).decode()} for image in batch
    ]
    body = json.dumps({"signature_name": "x" * 100, "instances": instances})
    assert 0.9 * Limits().body_bytes < len(body) < Limits().body_bytes


def test_what_has_no_end_is_not_read(tmp_path):
    pipe = str(tmp_path / "a.jpg")
    os.mkfifo(pipe)
    [found] = batches(["/dev/zero", pipe], 8)
    assert [image.file for image in found] == ["/dev/zero", pipe]
    for image in found:
        assert image.content is None
        assert image.error.startswith("a pipe or a device, not a file")


def test_kinds_of_images(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"a")
    images = [file, str(file), b"b"]
    images += [bytearray(b"c"), memoryview(b"d")]
    assert contents(images, 8) == [[b"a", b"a", b"b", b"c", b"d"]]


def test_other_objects_are_the_callers_mistake():
    with pytest.raises(TypeError):
        list(batches([3], 8))


def test_files_that_cannot_be_opened(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    names = ("loop", "file/below", "x" * 300)
    [batch] = batches([tmp_path / name for name in names], 8)
    assert [image.error for image in batch] == [
        "Too many levels of symbolic links",
        "Not a directory",
        "File name too long",
    ]


def test_a_name_that_is_no_utf8(tmp_path):
    name = pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))
    name.write_bytes(b"a")
    [[image]] = batches([name], 8)
    assert image == Image(str(name), b"a")
