"""One signature of a loaded model."""

import math
import re
from typing import Any

import numpy as np

from export.server.json.document import shortened
from export.server.serving_error import ServingError, from_tensorflow

_MOST = 500  # characters of what a graph says
# What a graph demands, in one sentence, and the node that demands it.
_DEMAND = re.compile(r"assertion failed: \[([^\[\]]+)\]\s*\[\[\{\{")
DEFAULT_SIGNATURE = "serving_default"


class Signature:
    """Runs one signature in a Session.

    Attributes:
        definition: its `SignatureDef`.
        input_dtypes: {name: type as C++ spells it}.
        output_dtypes: likewise, by name in order.

    Args:
        session: a TF1 Session with the model's graph.
        definition: the `SignatureDef`.
    """

    def __init__(self, session: Any, definition: Any) -> None:
        self.definition = definition
        self.input_dtypes = _dtypes(definition.inputs)
        self.output_dtypes = _dtypes(definition.outputs)
        self._session = session

    def run(
        self, feeds: dict[str, np.ndarray], seconds: float
    ) -> dict[str, np.ndarray]:
        """Computes all outputs.

        The step runs as in TF Serving, not by `Session.run`: that refuses
        shapes other than the placeholders', which TF Serving leaves to the
        graph, and rewrites the graph's messages.

        Args:
            feeds: {name of each input: array}; any shapes, which the graph
                may refuse.
            seconds: that the step may take.

        Returns:
            {name: array}, by name in order; strings are bytes objects.

        Raises:
            ServingError: the graph fails, or is not done in time.
        """
        import tensorflow as tf
        from tensorflow.core.protobuf import config_pb2

        session = self._session
        tensor = session.graph.get_tensor_by_name
        inputs, outputs = self.definition.inputs, self.definition.outputs
        options = config_pb2.RunOptions(timeout_in_ms=math.ceil(1000 * seconds))
        try:
            session._extend_graph()
            results = _run(
                session,
                options,
                {
                    tensor(inputs[name].name)._as_tf_output(): feeds[name]
                    for name in self.input_dtypes
                },
                [
                    tensor(outputs[name].name)._as_tf_output()
                    for name in self.output_dtypes
                ],
            )
        except tf.errors.OpError as error:
            refusal = from_tensorflow(error)
            demand = _DEMAND.search(refusal.message)
            message = demand[1] if demand else refusal.message
            # A graph may repeat a whole string of its input.
            refusal.message = shortened(message, _MOST)
            raise refusal from None
        # A string without dimensions comes as bytes.
        arrays = [
            np.array(r, object) if isinstance(r, bytes) else r for r in results
        ]
        return dict(zip(self.output_dtypes, arrays, strict=True))


def signature_of(signatures: dict[str, Signature], name: str) -> Signature:
    """The signature of a name; "" is the default one.

    Raises:
        ServingError: there is none.
    """
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise ServingError(
            f'Serving signature name: "{shortened(name)}" not found in '
            "signature def"
        )
    return signatures[name]


def _run(session: Any, options: Any, feeds: dict, fetches: list) -> list:
    from tensorflow.python.client import pywrap_tf_session

    buffer = pywrap_tf_session.TF_NewBufferFromString(
        options.SerializeToString()
    )
    try:
        return session._call_tf_sessionrun(buffer, feeds, fetches, [], None)
    finally:
        pywrap_tf_session.TF_DeleteBuffer(buffer)


def _dtypes(tensor_infos: Any) -> dict[str, str]:
    from tensorflow.core.framework.types_pb2 import DataType

    return {
        alias: DataType.Name(tensor_infos[alias].dtype).lower()[len("DT_") :]
        for alias in sorted(tensor_infos)
    }
