"""Config, commands and machines."""

import pytest

from alexnet_tf.report.recipe import MACHINE, config_section, origin_section
from alexnet_tf.run.folder import Run
from configs import paper

HERE = dict.fromkeys(MACHINE, "here")
DATASET = {
    "name": "set",
    "train_images": 12345,
    "validation_images": 6,
    "class_names": ["a", "b"],
    "licence": "<licence>",
}


def test_only_what_differs_from_the_paper_is_listed():
    config = paper.get_config()
    assert "Nothing differs" in config_section(config).body
    config.train.lr = 0.002
    config.train.lr_drop_epochs = (2,)
    body = config_section(config).body
    table, whole = body.split("<details>")
    assert "<code>train.lr</code></th><td>0.01</td><td>0.002</td>" in table
    assert "<td>none</td><td>2</td>" in table
    assert "train.momentum" not in table
    assert "&#34;momentum&#34;: 0.9" in whole


def origin(starts, dataset=DATASET):
    return origin_section(Run("runs/a b"), dataset, starts, HERE).body


def test_commands_and_the_last_machine_are_shown():
    starts = [
        {**HERE, "time": "then", "command": "python <first>"},
        {**HERE, "time": "now", "command": "python second", "cores": "64"},
    ]
    body = origin(starts)
    assert "<pre>python &lt;first&gt;</pre>" in body
    assert "<pre>python second</pre>" in body
    assert "<td>64</td>" in body
    assert "made with others" in body
    assert "12,345" in body
    assert "&lt;licence&gt;" in body
    assert "--mode=report &#39;--run=runs/a b&#39;" in body


@pytest.mark.parametrize("starts", [[], [{**HERE, "time": "", "command": ""}]])
def test_the_machine_stands_there_once(starts):
    body = origin(starts)
    assert body.count("TensorFlow") == 1
    assert ("does not say" in body) == (not starts)


def test_an_imported_run_does_not_know_its_training_images():
    unknown = {"train_images": None, "validation_images": None}
    body = origin([], {**DATASET, **unknown})
    assert body.count("<td>unknown</td>") == 2
