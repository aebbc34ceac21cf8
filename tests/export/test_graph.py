"""What TF Serving would refuse is not in the graph."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from export.inside import Inside
from export.signatures import Signatures

# What TF Serving's REST front end reads and writes (json_tensor.cc).
REST_TYPES = {tf.string, tf.float32, tf.int32, tf.uint8, tf.bool}
FILES = {"crops_bytes", "record_bytes", "maps_bytes", "kernel_bytes"}


@pytest.fixture(scope="module")
def meta_graph(exported):
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((exported / "1" / "saved_model.pb").read_bytes())
    [meta_graph] = model.meta_graphs
    return meta_graph


@pytest.fixture(scope="module")
def functions(meta_graph):
    return meta_graph.graph_def.library.function


def nodes(meta_graph, functions):
    yield from meta_graph.graph_def.node
    for function in functions:
        yield from function.node_def


def saves_or_restores(function):
    name = function.signature.name
    return name.startswith(
        ("__inference__traced_save", "__inference__traced_restore")
    )


def test_no_function_must_be_compiled(functions):
    assert functions
    for function in functions:
        for key in ("_XlaMustCompile", "_XlaCompile"):
            assert not function.attr[key].b, function.signature.name


def test_ops_are_tensorflows_own_and_none_is_python(meta_graph, functions):
    defined = {function.signature.name for function in functions}
    # The server's version checks ops by name: all must come with TensorFlow
    # itself and not with a library that was loaded here.
    known = op_def_registry.get
    used = {node.op for node in nodes(meta_graph, functions)} - defined
    assert {"Conv2D", "DecodeImage", "MatMul"} <= used
    assert not [op for op in used if known(op) is None]
    assert not [op for op in used if "PyFunc" in op]


def test_no_device_outside_save_and_restore(meta_graph, functions):
    served = [f for f in functions if not saves_or_restores(f)]
    assert 0 < len(served) < len(functions)
    for function in served:
        for node in function.node_def:
            assert not node.device, f"{node.name} is pinned to {node.device}"


def test_every_signature_is_a_batch_of_types_that_rest_knows(meta_graph):
    endpoints = Signatures.__dict__ | Inside.__dict__
    signatures = {
        name: signature
        for name, signature in meta_graph.signature_def.items()
        if name in endpoints
    }
    assert len(signatures) == 12
    for signature in signatures.values():
        for tensor in (
            *signature.inputs.values(),
            *signature.outputs.values(),
        ):
            assert tf.DType(tensor.dtype) in REST_TYPES
            assert not tensor.tensor_shape.unknown_rank
            assert tensor.tensor_shape.dim[0].size == -1
        for alias, tensor in signature.outputs.items():
            assert alias.endswith("_bytes") == (alias in FILES)
            assert tensor.tensor_shape.dim[0].size == -1


def test_weights_are_stored_once(exported, finished_run):
    network = load_trained(Run(finished_run)).network
    used = 4 * sum(
        int(np.prod(w.shape)) for w in network.weights if w.dtype == "float32"
    )
    stored = sum(
        file.stat().st_size for file in (exported / "1" / "variables").iterdir()
    )
    assert used < stored < 1.05 * used
    assert (exported / "1" / "saved_model.pb").stat().st_size < 3e6
