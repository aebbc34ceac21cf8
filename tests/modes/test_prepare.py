"""--mode=prepare, and training from what it made."""

import numpy as np
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from modes import prepare, train
from tests.slow import slow


@pytest.mark.parametrize(
    "name",
    [
        slow("imagenet2012:5.*.*"),
        slow("imagenet_tars"),
    ],
)
def test_from_the_tars_to_a_trained_epoch(
    name, imagenet_tars, imagenet_tfds, tmp_path, options_for, capsys
):
    options = options_for(tmp_path / "run")
    options.config.data.name = name
    prepared = Options(
        config=options.config,
        data_dir=str(
            imagenet_tars if name == "imagenet_tars" else imagenet_tfds
        ),
        prepared_dir=str(tmp_path / "prepared"),
    )
    assert prepare.main(prepared) == 0
    assert "12 train and 6 validation records" in capsys.readouterr().out
    options.config.data.name = "prepared"
    options.config.train.epochs = 1
    options.data_dir = prepared.prepared_dir
    assert train.main(options) == 0
    assert "1,000 classes" in capsys.readouterr().out


@pytest.mark.slow
def test_from_a_folder(image_folder, options_for, tmp_path, capsys):
    options = options_for(tmp_path / "run", **{"train.epochs": 1})
    options.prepared_dir = str(tmp_path / "prepared")
    assert prepare.main(options) == 0
    assert "72 train and 18 validation records" in capsys.readouterr().out
    options.config.data.name = "prepared"
    options.data_dir = options.prepared_dir
    assert train.main(options) == 0
    # No pass over the images: the statistics come with them.
    with np.load(tmp_path / "run" / "statistics.npz") as statistics:
        np.testing.assert_array_equal(
            statistics["mean_image"], np.load(tmp_path / "prepared/mean.npy")
        )


def test_without_a_folder_to_write_to(options_for, tmp_path):
    with pytest.raises(UserError, match="--prepared_dir"):
        prepare.main(options_for(tmp_path / "run"))


def test_too_many_rejected(own_images, options_for, tmp_path):
    (own_images / "train" / "red" / "broken.png").write_bytes(b"no image")
    options = options_for(tmp_path / "run")
    options.data_dir = str(own_images)
    options.prepared_dir = str(tmp_path / "prepared")
    with pytest.raises(UserError, match=r"1 of 91 .* --max_rejected=0\.001"):
        prepare.main(options)
    options.max_rejected = 0.011
    assert prepare.main(options) == 0


def test_groups_are_not_lost_in_silence(own_images, options_for, tmp_path):
    rows = [
        f"{path.relative_to(own_images)},{path.parent.name},{path.stem}"
        for path in own_images.glob("train/*/*")
    ]
    file = own_images / "list.csv"
    file.write_text("\n".join(["image,label,group", *rows]))
    options = options_for(tmp_path / "run", **{"data.name": "csv"})
    options.data_dir = str(file)
    options.prepared_dir = str(tmp_path / "prepared")
    with pytest.raises(UserError, match="has groups"):
        prepare.main(options)
    assert not (tmp_path / "prepared").exists()
