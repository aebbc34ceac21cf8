"""Where the pictures of the evidence lie."""

import pytest

from alexnet_tf.analysis.explanation import Explanations


@pytest.mark.parametrize("letter", ["x", "é", "\N{GRINNING FACE}"])
def test_names_that_would_become_too_long(tmp_path, letter):
    places = [tmp_path / "images" / f"{letter * 50}{i:07}.jpg" for i in (1, 2)]
    long = letter * ((255 - len("1.jpg")) // len(letter.encode()))
    places += [tmp_path / "images" / f"{long}{i}.jpg" for i in (1, 2)]
    explanations = Explanations(
        tmp_path / "pictures", map(str, places), lambda *_: None
    )
    pictures = [explanations.path_of(str(place)) for place in places]
    assert len(set(pictures)) == len(places)
    assert [p.name for p in pictures[:2]] == [
        f"{p.name}.png" for p in places[:2]
    ]
    for picture in pictures:
        picture.parent.mkdir(exist_ok=True)
        picture.touch()
