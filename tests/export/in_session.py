"""Runs a SavedModel as TF Serving does; a program that is run by the tests.

    python in_session.py MODEL SIGNATURE INPUT OUTPUT.npz [no-xla] < VALUES.npy

VALUES has one row a request. Prints the peak of its memory in kB.

TF1's loader restores as the C++ server does; tf.saved_model.load does not,
and answers where the server fails. Nothing of this project is imported.
"""

import ctypes
import io
import pathlib
import sys

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

model, signature_name, input_name, output, *options = sys.argv[1:]
if "no-xla" in options:
    # What tensorflow_model_server calls when it starts.
    library = pathlib.Path(tf.__file__).parent / "libtensorflow_cc.so.2"
    ctypes.CDLL(str(library))._ZN10tensorflow21DisableXlaCompilationEv()
values = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=True)
config = tf.compat.v1.ConfigProto(allow_soft_placement=False)
with tf.compat.v1.Session(graph=tf.Graph(), config=config) as session:
    loaded = tf.compat.v1.saved_model.load(session, ["serve"], model)
    signature = loaded.signature_def[signature_name]
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
assert not [m for m in sys.modules if m.startswith(("alexnet_tf", "export"))]
# Not getrusage: its peak counts the process that started this one.
status = pathlib.Path("/proc/self/status").read_text()
print(next(x.split()[1] for x in status.splitlines() if x.startswith("VmHWM")))
