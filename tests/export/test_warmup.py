"""The warm-up requests are parsed and run."""

import numpy as np
import pytest
import tensorflow as tf

from export.messages import PredictionLog
from export.warmup import BATCH_SIZES


@pytest.fixture(scope="module")
def requests(exported):
    file = exported / "1" / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(file))
    ]
    assert all(log.WhichOneof("log_type") == "predict_log" for log in logs)
    return [log.predict_log.request for log in logs]


@pytest.mark.slow
def test_every_request_runs_and_its_image_is_valid(exported, requests):
    # TF Serving refuses a version one of whose warm-up requests fails.
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(
            session, ["serve"], str(exported / "1")
        )
        for request in requests:
            signature = loaded.signature_def[request.model_spec.signature_name]
            assert request.inputs.keys() == signature.inputs.keys()
            answers = session.run(
                {k: t.name for k, t in signature.outputs.items()},
                {
                    signature.inputs[name].name: tf.make_ndarray(value)
                    for name, value in request.inputs.items()
                },
            )
            if "scores" in answers:
                np.testing.assert_allclose(
                    answers["scores"].sum(axis=1), 1, atol=1e-5
                )
            else:
                assert answers["valid"].all()


def test_all_signatures_and_batch_sizes_are_warmed(requests):
    warmed = [
        (r.model_spec.signature_name, t.tensor_shape.dim[0].size)
        for r in requests
        for t in r.inputs.values()
    ]
    sizes = [size for name, size in warmed if name == "serving_default"]
    assert sizes == list(BATCH_SIZES)
    assert {name for name, _ in warmed} == {
        "serving_default",
        "probabilities",
        "features",
        "crops",
        "images",
        "classify",
    }
    assert {r.model_spec.name for r in requests} == {"alexnet"}
