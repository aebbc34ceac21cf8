"""Networks of 2012's other experiments in other formats."""

import numpy as np
import onnxruntime
import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.run.trained import TrainedNetwork
from export.onnx_format import write_onnx
from export.pytorch_format import write_pytorch
from export.signatures import Signatures
from tests.test_notebook_options import CASES, signal_network

EXPORTED = [case for case in CASES if "16-bit" not in case]


def records():
    random = np.random.default_rng(3)
    tiles = random.integers(0, 256, (2, 8, 8, 3), np.uint8)
    return tiles.repeat(32, axis=1).repeat(32, axis=2)


def trained(case):
    names = tuple("abcdefghijk")
    return TrainedNetwork(signal_network(CASES[case][0]), 224, names)


@pytest.mark.parametrize("case", EXPORTED)
def test_onnx_runtime_answers_as_keras_does(case, tmp_path):
    network = trained(case)
    file = write_onnx(tmp_path, network)
    session = onnxruntime.InferenceSession(
        str(file), providers=["CPUExecutionProvider"]
    )
    [answer] = session.run(["probabilities"], {"images": records()})
    expected = ten_crop_probabilities(network.network, records(), 224)
    assert np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(answer, expected, rtol=0, atol=2e-6)


def test_onnx_refuses_what_it_cannot_carry(tmp_path):
    with pytest.raises(UserError, match="file cannot carry model"):
        write_onnx(tmp_path, trained("16-bit floats between towers"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "case", ["bottleneck, divided classes", "16-bit floats between towers"]
)
def test_the_signatures_of_an_export(case):
    network = trained(case)
    signatures = Signatures(network.network, 224, network.class_names)
    answer = signatures.images(records())["probabilities"]
    expected = ten_crop_probabilities(network.network, records(), 224)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("key", ["conv6", "exchange", "padding"])
def test_the_pytorch_module_names_what_it_does_not_know(
    key, finished_run, tmp_path
):
    """Before it looks at the weights, so the run's own do."""
    import json
    import shutil

    from alexnet_tf.run.folder import Run
    from alexnet_tf.run.trained import load_trained

    run = Run(finished_run)
    network = load_trained(run)
    copy = tmp_path / "run"
    shutil.copytree(finished_run, copy)
    config = json.loads((copy / "config.json").read_text())
    values = {
        "conv6": 256,
        "exchange": ["conv3", "fc7", "fc8"],
        "padding": [1, 1, 1, 0],
    }
    config["model"][key] = values[key]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=rf"does not know model\.{key}="):
        write_pytorch(tmp_path / "out", Run(copy), network)
