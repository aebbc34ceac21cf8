"""Runs a SavedModel as TF Serving does; a program that is run by the tests.

    python in_session.py MODEL [no-xla]

Each line of its input is a JSON list: SIGNATURE, INPUT, VALUES.npy and
OUTPUT.npz. VALUES has one row a request. Each line of its output is one of
JSON: the error in words, null without one, and the peak of its memory in kB.

TF1's loader restores as the C++ server does; tf.saved_model.load does not,
and answers where the server fails. Nothing of this project is imported.
"""

import ctypes
import json
import pathlib
import sys

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

model, *options = sys.argv[1:]
if "no-xla" in options:
    # What tensorflow_model_server calls when it starts.
    library = pathlib.Path(tf.__file__).parent / "libtensorflow_cc.so.2"
    ctypes.CDLL(str(library))._ZN10tensorflow21DisableXlaCompilationEv()


def answer(session, signature, input_name, values, output):
    outputs = sorted(signature.outputs)
    # Session.run looks at shapes before the graph does; the server does not.
    run = session._make_callable_from_options(
        config_pb2.CallableOptions(
            feed=[signature.inputs[input_name].name],
            fetch=[signature.outputs[name].name for name in outputs],
        )
    )
    answers = zip(*(run(value) for value in values), strict=True)
    answers = dict(zip(outputs, map(np.concatenate, answers), strict=True))
    np.savez(output, **answers)


config = tf.compat.v1.ConfigProto(allow_soft_placement=False)
with tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
    loaded = tf.compat.v1.saved_model.load(session, ["serve"], model)
    for line in sys.stdin:
        name, input_name, file, output = json.loads(line)
        values = np.load(file, allow_pickle=True)
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # a new peak
        error = None
        try:
            answer(
                session,
                loaded.signature_def[name],
                input_name,
                values,
                output,
            )
        except tf.errors.OpError as refused:
            error = str(refused)
        assert not [
            m for m in sys.modules if m.startswith(("alexnet_tf", "export"))
        ]
        # Not getrusage: its peak counts the process that started this one.
        status = pathlib.Path("/proc/self/status").read_text()
        peak = next(x.split()[1] for x in status.splitlines() if "VmHWM" in x)
        print(json.dumps([error, int(peak)]), flush=True)
