"""Preparing while the disk fills up or the source fails; later damage."""

import dataclasses
import json
import os

import pytest

from alexnet_tf.data.prepared.reader import load_prepared
from alexnet_tf.data.prepared.writer import prepare
from alexnet_tf.data.sources.folder import load_folder
from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from configs import paper
from modes import prepare as prepare_mode
from tests.data.prepared.test_writer import contents
from tests.training.conftest import small_disk  # noqa: F401

RAW = pytest.mark.parametrize("record_format", ["raw"], indirect=True)
JPEG = pytest.mark.parametrize("record_format", ["jpeg"], indirect=True)
SHARD_BYTES = 32 * 256 * 256 * 3


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.slow
@RAW
def test_a_full_disk_stops_and_the_rest_is_written_later(
    plain_folder,
    prepared,
    small_disk,  # noqa: F811
):
    folder = small_disk.path / "prepared"
    small_disk.fill(leaving=int(1.5 * SHARD_BYTES))
    with pytest.raises(UserError) as stopped:
        prepare(load_folder(plain_folder), folder, "raw")
    message = one_line(stopped)
    assert f"{folder} cannot be written: No space left on device" in message
    assert "the same command goes on there" in message
    assert len(list(folder.glob("train-*"))) == 1  # of three
    small_disk.clear()
    prepare(load_folder(plain_folder), folder, "raw")
    assert contents(folder) == contents(prepared)


@JPEG
def test_a_source_that_fails_is_not_called_a_full_disk(prepared, tmp_path):
    source = load_prepared(prepared)
    shard = sorted(prepared.glob("train-*"))[1]
    aside = shard.rename(tmp_path / "aside")
    folder = tmp_path / "again"
    with pytest.raises(UserError) as stopped:
        prepare(source, folder, "jpeg")
    message = one_line(stopped)
    assert message.startswith("prepared cannot be read: ")
    assert shard.name in message
    assert "written" not in message
    # What was there before the fault is kept, and goes on.
    aside.rename(shard)
    prepare(source, folder, "jpeg")
    straight = tmp_path / "straight"
    prepare(load_prepared(prepared), straight, "jpeg")
    assert contents(folder) == contents(straight)


@pytest.fixture
def look(prepared):
    """Function that runs --mode=prepare on the finished set."""

    def run(**changes):
        options = Options(config=paper.get_config(), prepared_dir=str(prepared))
        return prepare_mode.main(dataclasses.replace(options, **changes))

    return run


@JPEG
def test_a_finished_set_is_inspected(prepared, look, capsys):
    assert look() == 0
    output = capsys.readouterr().out
    assert "70 train and 10 validation records" in output
    assert "all checksums are right" in output
    first, second, third = sorted(prepared.glob("train-*"))
    [validation] = prepared.glob("validation-*")
    first.unlink()
    os.truncate(second, second.stat().st_size // 2)
    with open(third, "r+b") as file:
        file.seek(third.stat().st_size // 2)
        octet = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([octet ^ 1]))
    with pytest.raises(UserError, match="3 of the 4 shards in") as refused:
        look()
    assert "copy them again" in one_line(refused)
    output = capsys.readouterr().out
    assert f"{first}: 32 of 32 records are lost (No such file" in output
    assert f"{second}: 1" in output  # 16, and perhaps the one that was cut
    assert f"{third}: " in output
    assert str(validation) not in output


@JPEG
def test_a_finished_set_of_another_kind_is_refused(look):
    for asked in (
        {"config_given": True},
        {"overrides": {"data.name": "imagenet2012:5.*.*"}},
    ):
        with pytest.raises(UserError, match="a complete set of folder, not"):
            look(**asked)
    with pytest.raises(UserError, match="of format jpeg, not raw"):
        look(record_format="raw")


@JPEG
def test_other_names_of_a_finished_set_are_told(look, prepared, plain_folder):
    file = prepared / "dataset.json"
    values = json.loads(file.read_text())
    values["class_names"].reverse()
    file.write_text(json.dumps(values))
    config = paper.get_config()
    config.data.name = "folder"
    with pytest.raises(UserError, match=r"lists the classes .*, .* has "):
        look(config=config, config_given=True, data_dir=str(plain_folder))
