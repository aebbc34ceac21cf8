"""What --mode=inspect prints of two recipes."""

import json

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.options import Options
from configs import caffe, one_gpu, paper
from modes import inspect


def test_two_recipes_are_compared(capsys):
    options = Options(
        config=one_gpu.get_config(),
        config_given=True,
        against=paper.get_config(),
        json=True,
    )
    assert inspect.main(options) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        [
            "model.kernels",
            "[96, 256, 384, 384, 256] -> [48, 128, 192, 192, 256]",
        ],
        ["model.towers", "2 -> 1"],
    ]
    assert json.loads(last)["model.towers"] == {"here": 1, "against": 2}


def test_a_recipe_against_itself(capsys):
    options = Options(
        config=caffe.get_config(), config_given=True, against=caffe.get_config()
    )
    assert inspect.main(options) == 0
    assert capsys.readouterr().out == "no differences\n"


def test_what_a_recipe_lacks_is_named():
    other = paper.get_config()
    del other.model.width
    options = Options(
        config=paper.get_config(), config_given=True, against=other
    )
    with pytest.raises(UserError, match=r"lacks a key: .*width"):
        inspect.main(options)
