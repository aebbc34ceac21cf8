"""The exported model, as TF Serving would load it."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from alexnet_tf.data.preprocess import decode, to_record
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.modes import export
from alexnet_tf.options import Options
from alexnet_tf.run import Run
from alexnet_tf.trained import load_trained

# Runs in a process of its own that cannot import the package. TF1's loader
# restores as the C++ server does; tf.saved_model.load does not.
SERVE = """
import json, pathlib, sys
import numpy as np
import tensorflow as tf
model, *images = sys.argv[1:]
graph = tf.Graph()
options = tf.compat.v1.ConfigProto(allow_soft_placement=False)
with tf.compat.v1.Session(graph=graph, config=options) as session:
    loaded = tf.compat.v1.saved_model.load(session, ["serve"], model)
    signature = loaded.signature_def["serving_default"]
    answers = session.run(
        {name: info.name for name, info in signature.outputs.items()},
        {
            signature.inputs["image_bytes"].name: np.array(
                [pathlib.Path(i).read_bytes() for i in images], object
            )
        },
    )
assert not [m for m in sys.modules if m.startswith(("alexnet_tf", "export"))]
print(json.dumps({
    "classes": [[c.decode() for c in row] for row in answers["classes"]],
    "scores": answers["scores"].tolist(),
}))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory, finished_run):
    """Folder of version 1 of the finished run."""
    base = tmp_path_factory.mktemp("exports") / "model"
    options = Options(config=None, run=str(finished_run), export_dir=str(base))
    assert export.main(options) == 0
    return base / "1"


def test_a_session_answers_what_keras_computes(
    exported, finished_run, image_folder, tmp_path
):
    images = sorted(map(str, image_folder.glob("val/*/*.png")))
    answer = subprocess.run(
        [sys.executable, "-c", SERVE, str(exported), *images],
        cwd=tmp_path,
        env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        check=True,
        text=True,
    )
    served = json.loads(answer.stdout.splitlines()[-1])
    trained = load_trained(Run(finished_run))
    records = tf.stack(
        [to_record(decode(pathlib.Path(i).read_bytes())) for i in images]
    )
    expected = ten_crop_probabilities(
        trained.network, records, trained.crop
    ).numpy()
    order = np.argsort(-expected, axis=1)
    # Three classes: fewer than five are answered.
    assert np.shape(served["scores"]) == (len(images), 3)
    np.testing.assert_allclose(
        served["scores"],
        np.take_along_axis(expected, order, axis=1),
        atol=1e-5,
    )
    # Where two probabilities agree to 1e-5 their order is open.
    names = np.array(trained.class_names)
    clear = expected.max(axis=1) - np.median(expected, axis=1) > 1e-4
    assert clear.any()
    np.testing.assert_array_equal(
        np.array(served["classes"])[clear, 0], names[order[clear, 0]]
    )


def test_the_graph_holds_nothing_that_tf_serving_refuses(exported):
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((exported / "saved_model.pb").read_bytes())
    [meta_graph] = model.meta_graphs
    library = meta_graph.graph_def.library.function
    served = [
        f
        for f in library
        if "save" not in f.signature.name.lower()
        and "restore" not in f.signature.name.lower()
    ]
    assert any("classify_bytes" in f.signature.name for f in served)
    for function in library:
        assert not function.attr["_XlaMustCompile"].b, function.signature.name
        for node in function.node_def:
            assert "PyFunc" not in node.op
    for function in served:
        for node in function.node_def:
            assert not node.device, f"{node.name} is pinned to {node.device}"
    signature = meta_graph.signature_def["serving_default"]
    [image_bytes] = signature.inputs.values()
    assert image_bytes.dtype == tf.string.as_datatype_enum
    for tensor in (image_bytes, *signature.outputs.values()):
        assert tensor.tensor_shape.dim[0].size == -1


def test_weights_are_stored_once(exported, finished_run):
    network = load_trained(Run(finished_run)).network
    used = 4 * sum(
        int(np.prod(w.shape)) for w in network.weights if w.dtype == "float32"
    )
    stored = sum(
        file.stat().st_size for file in (exported / "variables").iterdir()
    )
    assert used < stored < 1.05 * used


def test_versions_increase(exported, finished_run, capsys):
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(exported.parent),
    )
    assert export.main(options) == 0
    assert f"to {exported.parent}/2" in capsys.readouterr().out
    assert (exported.parent / "2" / "saved_model.pb").is_file()


def test_an_interrupted_export_leaves_nothing(
    tmp_path, finished_run, monkeypatch
):
    def interrupt(path, signatures):
        pathlib.Path(path).mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr("export.writer.save", interrupt)
    base = tmp_path / "exports" / "model"
    options = Options(config=None, run=str(finished_run), export_dir=str(base))
    with pytest.raises(KeyboardInterrupt):
        export.main(options)
    assert list(base.parent.rglob("*")) == [base]


def test_an_unwritable_export_folder_is_one_clear_line(tmp_path, finished_run):
    (tmp_path / "file").touch()
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(tmp_path / "file" / "model"),
    )
    with pytest.raises(UserError, match="cannot be written"):
        export.main(options)
