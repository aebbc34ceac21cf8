"""TF_CONFIG, right and wrong."""

import json

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.workers.cluster import Cluster, cluster_from_environment

TWO = ["a:1", "b:2"]


def config(addresses=TWO, index=1, kind="worker", **more):
    return json.dumps(
        {
            "cluster": {"worker": addresses, **more},
            "task": {"type": kind, "index": index},
        }
    )


def test_without_it_there_is_no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert cluster_from_environment() is None


def test_what_is_written_is_read(monkeypatch):
    for rank in (0, 1):
        cluster = Cluster(("a:1", "b:2"), rank)
        monkeypatch.setenv("TF_CONFIG", cluster.to_json())
        assert cluster_from_environment() == cluster
        assert json.loads(cluster.to_json()) == json.loads(config(index=rank))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError: 'cluster'"),
        (json.dumps({"cluster": {"worker": TWO}}), "KeyError: 'task'"),
        (json.dumps({"cluster": [], "task": {}}), "TypeError"),
        (config(index=2), "task index 2 of 2 workers"),
        (config(index=-1), "task index -1 of 2 workers"),
        (config(index="first"), "ValueError"),
        (config(addresses=["a", "b"]), "HOST:PORT"),
        (config(addresses="a:1,b:1"), "HOST:PORT"),
        (config(addresses=[1, 2]), "HOST:PORT"),
        (config(kind="chief"), "type worker"),
        (config(ps=["c:3"]), "type worker"),
    ],
)
def test_what_cannot_be_used_is_refused(monkeypatch, text, reason):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="TF_CONFIG cannot be used") as error:
        cluster_from_environment()
    assert reason in str(error.value)
    assert '"cluster": {"worker": ["HOST0:PORT"' in str(error.value)
