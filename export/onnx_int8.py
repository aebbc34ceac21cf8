"""An ONNX graph whose products are of 8-bit integers.

ONNX Runtime's static quantization in QDQ form: convolutions, fully connected
layers, ReLUs and pools are between QuantizeLinear and DequantizeLinear, which
runtimes merge into integer operations. Weights have a scale for each kernel or
neuron. Activations have one for a tensor, from the smallest to the largest
value that training images give. The mean, LRN, softmax and the average over
the crops stay float32.

Weights have 7 bits: on processors without VNNI instructions the sum of two
products of 8 bits may not fit into 16, and is then cut off in silence.
"""

import logging
import pathlib
import tempfile
from collections.abc import Iterable

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

QUANTIZED = ("Conv", "Gemm", "Relu", "MaxPool")


class _Images(CalibrationDataReader):
    """Batches of images as ONNX Runtime asks for them, one by one."""

    def __init__(self, batches: Iterable[np.ndarray]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next inputs, or None at the end."""
        images = next(self._batches, None)
        return None if images is None else {"images": images}


def quantized(
    model: onnx.ModelProto, batches: Iterable[np.ndarray]
) -> onnx.ModelProto:
    """The same graph with 8-bit integers.

    Args:
        model: of `export.onnx_graph.ten_crop_model`.
        batches: training images, each uint8 [B, 256, 256, 3].

    Returns:
        An onnx.ModelProto with the same inputs and outputs.
    """
    normalization = [
        node.name for node in model.graph.node if node.name.endswith("/sums")
    ]
    with tempfile.TemporaryDirectory() as folder:
        # A model in memory would be left with its weights in a file.
        exact, file = (pathlib.Path(folder, name) for name in ("a", "b"))
        exact.write_bytes(model.SerializeToString())
        # It advises to merge nodes beforehand: here there are none to merge.
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                exact,
                file,
                _Images(batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTIZED),
                nodes_to_exclude=normalization,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(file)
