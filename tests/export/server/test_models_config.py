"""Config files; written as in TF Serving's documentation."""

import pytest

from alexnet_tf.errors import UserError
from export.server.models.models_config import read_models_config

MODEL = 'name: "m" base_path: "/models/m" model_platform: "tensorflow"'


def read(tmp_path, *models, text=None):
    file = tmp_path / "models.config"
    entries = "\n".join(f"config {{ {model} }}" for model in models)
    file.write_text(text or f"model_config_list {{ {entries} }}")
    return read_models_config(file)


def test_a_config(tmp_path):
    one, other = read(
        tmp_path,
        MODEL,
        'name: "n" base_path: "/models/n" model_platform: "tensorflow" '
        'version_labels { key: "stable" value: 3 } '
        'version_labels { key: "canary" value: 4 }',
    )
    assert (one.name, one.base_path, one.labels) == ("m", "/models/m", {})
    assert (other.name, other.base_path) == ("n", "/models/n")
    assert other.labels == {"stable": 3, "canary": 4}


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        ("", [11]),
        ("model_version_policy { latest { num_versions: 2 } }", [9, 11]),
        ("model_version_policy { latest { num_versions: 9 } }", [2, 9, 11]),
        ("model_version_policy { latest { } }", [11]),
        ("model_version_policy { all { } }", [2, 9, 11]),
        ("model_version_policy { specific { versions: [9, 2, 5] } }", [2, 9]),
    ],
)
def test_policies(tmp_path, policy, chosen):
    [model] = read(tmp_path, f"{MODEL} {policy}")
    assert list(model.policy([9, 2, 11])) == chosen


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ((), "is empty"),
        ((MODEL, MODEL), "more than one model m"),
        (('base_path: "/m"',), "without a name: set name"),
        ((MODEL.replace('"m"', '"a/b"', 1),), "cannot contain / or :"),
        ((MODEL.replace('"/models/m"', '"models/m"'),), "an absolute path"),
        (('name: "m" base_path: "/m"',), 'must be "tensorflow", not ""'),
        (
            (f"{MODEL} model_version_policy {{ specific {{ }} }}",),
            "specific lists no versions",
        ),
        (("nmae: 1",), '1:30 : .*no field named "nmae"'),
        (("name: ",), "is no models config: 1:"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, models, words):
    with pytest.raises(UserError, match=words) as caught:
        read(tmp_path, *models)
    assert "models.config" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_kind_of_config(tmp_path):
    with pytest.raises(UserError, match="has no model_config_list"):
        read(tmp_path, text="custom_model_config { }")


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read: .*No such file"):
        read_models_config(tmp_path / "models.config")
