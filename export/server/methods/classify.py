"""The classify and regress methods: from tf.Examples to results."""

import numpy as np

from export.server.deadline import Deadline
from export.server.json.answers import float_list, text_of
from export.server.json.document import written
from export.server.models.signature import Signature
from export.server.serving_error import ServingError


def classify_json(
    signature: Signature, examples: list[bytes], deadline: Deadline
) -> str:
    """{"results": one list of [label, score] per example}.

    Args:
        signature: has the input "inputs" and the outputs "classes" [B, N],
            "scores" [B, N] or both.
        examples: serialized tf.Examples.
        deadline: ends the work.

    Raises:
        ServingError: the signature is none for classification, or the model
            fails.
    """
    if len(signature.input_dtypes) != 1:
        raise ServingError("Expected one input Tensor.")
    if len(signature.output_dtypes) not in (1, 2):
        raise ServingError(
            "Expected one or two output Tensors, found "
            f"{len(signature.output_dtypes)}"
        )
    if "inputs" not in signature.input_dtypes:
        raise _unsuitable("No classification inputs found in", signature)
    if not {"classes", "scores"} & signature.output_dtypes.keys():
        raise ServingError(
            "Expected classification signature outputs to contain at least "
            'one of "classes" or "scores". Signature was: '
            f"{signature.definition}",
            "FAILED_PRECONDITION",
        )
    answer = signature.run({"inputs": _array(examples)}, deadline.left())
    dtypes = {"classes": "string", "scores": "float"}
    found = {name: answer[name] for name in dtypes if name in answer}
    for name, tensor in found.items():
        _check_output(name, tensor, len(examples), signature, dtypes[name])
    if len({tensor.shape for tensor in found.values()}) > 1:
        raise ServingError(
            "Tensors class and score should match in dim_size(1). Got "
            f"{found['classes'].shape[1]} vs. {found['scores'].shape[1]}"
        )
    shape = next(iter(found.values())).shape
    classes = found.get("classes", np.full(shape, b"", object))
    scores = found.get("scores", np.zeros(shape, np.float32))
    rows = zip(classes, float_list(scores), strict=True)
    return written(
        {
            "results": [
                [
                    [text_of(label), score]
                    for label, score in zip(labels, numbers, strict=True)
                ]
                for labels, numbers in rows
            ]
        }
    )


def regress_json(
    signature: Signature, examples: list[bytes], deadline: Deadline
) -> str:
    """{"results": one number per example}.

    Args:
        signature: has the input "inputs" and one output, "outputs" [B] or
            [B, 1].
        examples: serialized tf.Examples.
        deadline: ends the work.

    Raises:
        ServingError: the signature is none for regression, or the model
            fails.
    """
    if len(signature.input_dtypes) != 1:
        raise ServingError("Expected one input Tensor.")
    if len(signature.output_dtypes) != 1:
        raise ServingError("Expected one output Tensor.")
    if "inputs" not in signature.input_dtypes:
        raise _unsuitable("No regression inputs found in", signature)
    if "outputs" not in signature.output_dtypes:
        raise _unsuitable("No regression outputs found in", signature)
    tensor = signature.run({"inputs": _array(examples)}, deadline.left())[
        "outputs"
    ]
    if tensor.ndim != 1 and (tensor.ndim != 2 or tensor.shape[1] != 1):
        raise ServingError(
            "Expected output Tensor shape to be either [batch_size] or "
            f"[batch_size, 1] but got {_shown_shape(tensor)}"
        )
    if len(tensor) != len(examples):
        raise ServingError(
            "Input batch size did not match output batch size: "
            f"{len(examples)} vs. {len(tensor)}"
        )
    if signature.output_dtypes["outputs"] != "float":
        raise ServingError(
            "Expected output Tensor of DT_FLOAT.  Got: "
            f"{_enum_name(signature, 'outputs')}"
        )
    return written({"results": float_list(tensor.ravel())})


def _check_output(
    name: str, tensor: np.ndarray, count: int, signature: Signature, dtype: str
) -> None:
    if tensor.ndim != 2:
        raise ServingError(
            "Expected Tensor shape: [batch_size num_classes] but got "
            f"{_shown_shape(tensor)}"
        )
    if signature.output_dtypes[name] != dtype:
        raise ServingError(
            f"Expected {name} Tensor of DT_{dtype.upper()}. Got: "
            f"{_enum_name(signature, name)}"
        )
    if len(tensor) != count:
        raise ServingError(
            f"Expected {name} output batch size of {count}. Got: {len(tensor)}"
        )


def _array(examples: list[bytes]) -> np.ndarray:
    array = np.empty(len(examples), object)
    array[:] = examples
    return array


def _unsuitable(fault: str, signature: Signature) -> ServingError:
    return ServingError(
        f"{fault} SignatureDef: {signature.definition}", "FAILED_PRECONDITION"
    )


def _shown_shape(tensor: np.ndarray) -> str:
    return f"[{','.join(map(str, tensor.shape))}]"


def _enum_name(signature: Signature, output: str) -> str:
    return f"DT_{signature.output_dtypes[output].upper()}"
