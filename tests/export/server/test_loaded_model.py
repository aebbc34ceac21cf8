"""SavedModels in Sessions."""

import gc
import itertools
import pathlib
import shutil
import time
import weakref

import numpy as np
import pytest
import tensorflow as tf

from export.messages import PredictionLog
from export.server.models.loaded_model import LoadedModel
from export.server.models.warmup_run import FILE
from export.server.serving_error import ServingError

LEAK_MIB = 3  # four models that stay open take 4.8


@pytest.fixture(autouse=True)
def quiet():
    """As --mode=serve does: TF1's loader calls itself deprecated."""
    level = tf.get_logger().level
    tf.get_logger().setLevel("ERROR")
    yield
    tf.get_logger().setLevel(level)


def load(path):
    return LoadedModel(path, "toy", 1, run_timeout=30)


def write_warmup(path, *requests):
    """Requests are (signature, input name, values)."""
    file = pathlib.Path(path) / FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, name, values in requests:
            log = PredictionLog()
            request = log.predict_log.request
            request.model_spec.signature_name = signature
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
            writer.write(log.SerializeToString())


def test_a_signature_runs(toys):
    model = load(toys / "2")
    signature = model.signatures["two_in"]
    assert signature.input_dtypes == {"a": "float", "b": "int64"}
    assert signature.output_dtypes == {"s": "float"}
    answer = signature.run(
        {"b": np.array([2, 3]), "a": np.float32([0.5, 1])}, 30
    )
    assert answer["s"].tolist() == [2.5, 4]
    # Zero bytes at the end of a string survive, in any shape.
    for value in ([b"a\0", b""], b"a\0"):
        array = np.array(value, object)
        echo = model.signatures["echo"].run({"s": array}, 30)["out"]
        assert echo.tolist() == array.tolist()
        assert echo.shape == array.shape
    model.close()


def test_an_error_of_the_graph(toys):
    model = load(toys / "1")
    image = np.array([b""], object)
    with pytest.raises(ServingError, match=r": Input is empty\.\n") as caught:
        model.signatures["img"].run({"image_bytes": image}, 30)
    assert caught.value.code == "INVALID_ARGUMENT"
    model.close()


def test_what_a_graph_demands_is_one_sentence(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "n")])
    def few(n):
        demand = tf.debugging.Assert(tf.size(n) < 3, ["at most 2 numbers"])
        with tf.control_dependencies([demand]):
            return {"y": tf.identity(n)}

    module = tf.Module()
    module.few = few
    tf.saved_model.save(module, str(tmp_path), signatures=few)
    model = load(tmp_path)
    with pytest.raises(ServingError) as caught:
        model.signatures["serving_default"].run(
            {"n": np.zeros(3, np.int32)}, 30
        )
    assert caught.value.message == "at most 2 numbers"
    model.close()


def test_a_run_that_takes_too_long(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, "n")])
    def count(n):
        return {"y": tf.while_loop(lambda i: i < n, lambda i: [i + 1], [0])[0]}

    module = tf.Module()
    module.count = count
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=count)
    model = LoadedModel(tmp_path / "1", "slow", 1, run_timeout=30)
    signature = model.signatures["serving_default"]
    assert signature.run({"n": np.int32(5)}, 30)["y"] == 5
    for seconds in (0.3, 1):  # what is left differs from request to request
        begin = time.monotonic()
        with pytest.raises(ServingError) as caught:
            signature.run({"n": np.int32(2**31 - 1)}, seconds)
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert seconds <= time.monotonic() - begin < seconds + 1
    model.close()


def test_no_model_there(tmp_path):
    with pytest.raises(ServingError, match="Could not find SavedModel") as e:
        load(tmp_path)
    assert e.value.code == "NOT_FOUND"


def test_a_broken_file(toy):
    (toy / "saved_model.pb").write_bytes(b"no protobuf")
    with pytest.raises(ServingError, match="Cannot parse file") as caught:
        load(toy)
    assert caught.value.code == "DATA_LOSS"


def test_missing_variables(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([], name="x")])
    def times(x):
        return {"y": x * module.weight}

    module.times = times
    path = tmp_path / "1"
    tf.saved_model.save(module, str(path), signatures=times)
    model = load(path)
    signature = model.signatures["serving_default"]
    assert signature.run({"x": np.float32(3)}, 30)["y"] == 6
    model.close()
    shutil.rmtree(path / "variables")
    with pytest.raises(ServingError, match="variables"):
        load(path)


def test_warmup_requests_are_run(toy):
    write_warmup(
        toy, ("", "x", np.float32([1])), ("echo", "s", np.array([b"a"]))
    )
    load(toy).close()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (("missing", "x", [1.0]), '"missing" not found in signature def'),
        (("", "z", [1.0]), r"has the inputs \['z'\] instead of \['x'\]"),
        (("img", "image_bytes", [b"junk"]), "Unknown image file format"),
    ],
)
def test_a_warmup_request_that_fails(toy, request_, words):
    write_warmup(toy, request_)
    with pytest.raises(ServingError, match=words):
        load(toy)


def test_other_warmup_records(toy):
    file = toy / FILE
    file.parent.mkdir()
    log = PredictionLog()
    log.regress_log.SetInParent()
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(ServingError, match="log_type for warmup: regress_log"):
        load(toy)


def test_too_many_warmup_requests(toy, monkeypatch):
    monkeypatch.setattr("export.server.models.warmup_run.MAX_RECORDS", 2)
    requests = [("", "x", np.float32([1]))] * 3
    write_warmup(toy, *requests)
    with pytest.raises(ServingError, match="exceeds the maximum"):
        load(toy)


def test_a_session_is_closed_whatever_happens(toy, monkeypatch):
    sessions = []
    make = tf.compat.v1.Session

    def session(**options):
        sessions.append(make(**options))
        return sessions[-1]

    monkeypatch.setattr(tf.compat.v1, "Session", session)
    load(toy).close()
    write_warmup(toy, ("missing", "x", [1.0]))
    with pytest.raises(ServingError):
        load(toy)
    assert len(sessions) == 2
    for closed in sessions:
        with pytest.raises(RuntimeError, match="closed Session"):
            closed.run([])


def test_a_closed_model_is_freed(toys):
    model = load(toys / "1")
    model.signatures["serving_default"].run({"x": np.float32([1])}, 30)
    graph = weakref.ref(model._session.graph)
    assert graph() is not None
    model.close()
    del model
    gc.collect()
    assert graph() is None


@pytest.mark.slow
def test_memory_stays_flat(toys, toy):
    write_warmup(toy, ("missing", "x", [1.0]))

    def cycles(count):
        for _ in range(count):
            model = load(toys / "1")
            model.signatures["serving_default"].run({"x": np.float32([1])}, 30)
            model.close()
            with pytest.raises(ServingError):
                load(toy)
        pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * 4096 / 2**20

    # What leaks grows in every round; a fragmented heap in one.
    sizes = [cycles(3), cycles(4), cycles(4)]
    growths = [after - before for before, after in itertools.pairwise(sizes)]
    assert min(growths) < LEAK_MIB
