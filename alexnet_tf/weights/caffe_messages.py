"""Caffe's messages, as far as a classification network needs them.

Names and numbers are those of src/caffe/proto/caffe.proto (BVLC/caffe);
protobuf skips the others. The numbers of a blob are packed floats, which lie
in the file as the bytes of one array: read as bytes they need not become 61
million Python floats.
"""

import math
import pathlib
from typing import Any

import numpy as np
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError

FIELD = descriptor_pb2.FieldDescriptorProto
TYPES = {
    "int": FIELD.TYPE_INT64,  # enums too: on the wire they are the same
    "float": FIELD.TYPE_FLOAT,
    "text": FIELD.TYPE_STRING,
    "bytes": FIELD.TYPE_BYTES,
}

# A line stands for a field: number, name, type, and the default where it is not
# 0. A type with * is repeated.
MESSAGES = {
    "BlobShape": "1 dim int*",
    "BlobProto": """
        1 num int
        2 channels int
        3 height int
        4 width int
        5 data bytes*
        7 shape BlobShape
        8 double_data bytes*
    """,
    "ConvolutionParameter": """
        3 pad int*
        4 kernel_size int*
        5 group int 1
        6 stride int*
        9 pad_h int
        10 pad_w int
        13 stride_h int
        14 stride_w int
        18 dilation int*
    """,
    "LRNParameter": """
        1 local_size int 5
        2 alpha float 1
        3 beta float 0.75
        4 norm_region int
        5 k float 1
    """,
    "PoolingParameter": """
        1 pool int
        2 kernel_size int
        3 stride int 1
        4 pad int
    """,
    "LayerParameter": """
        1 name text
        2 type text
        7 blobs BlobProto*
        106 convolution_param ConvolutionParameter
        118 lrn_param LRNParameter
        121 pooling_param PoolingParameter
    """,
    "V1LayerParameter": """
        1 layer bytes
        4 name text
        5 type int
        6 blobs BlobProto*
        10 convolution_param ConvolutionParameter
        18 lrn_param LRNParameter
        19 pooling_param PoolingParameter
    """,
    "NetParameter": """
        2 layers V1LayerParameter*
        100 layer LayerParameter*
    """,
}


def parse(message: str, path: str | pathlib.Path) -> Any:
    """Reads a file that is one message.

    Args:
        message: name, such as "NetParameter".
        path: of the file.

    Raises:
        ValueError: it is no such message, or cut short.
    """
    with open(path, "rb") as file:
        data = file.read()
    descriptor = _pool().FindMessageTypeByName(f"caffe.{message}")
    try:
        return message_factory.GetMessageClass(descriptor).FromString(data)
    except DecodeError:
        raise ValueError(
            f"no {message} of Caffe, or only a part of one"
        ) from None


def blob_array(blob: Any) -> np.ndarray:
    """The array of a BlobProto, float32.

    Raises:
        ValueError: it has more or fewer numbers than its shape says.
    """
    if blob.double_data:
        numbers = np.frombuffer(b"".join(blob.double_data), "<f8")
    else:
        numbers = np.frombuffer(b"".join(blob.data), "<f4")
    if blob.HasField("shape"):
        shape = tuple(blob.shape.dim)
    else:
        shape = (blob.num, blob.channels, blob.height, blob.width)
    if min(shape, default=0) < 1 or math.prod(shape) != numbers.size:
        raise ValueError(
            f"a blob of {'x'.join(map(str, shape))} has {numbers.size} numbers"
        )
    return numbers.astype(np.float32, copy=False).reshape(shape)


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(
        name="caffe.proto", package="caffe", syntax="proto2"
    )
    for message, lines in MESSAGES.items():
        fields = file.message_type.add(name=message).field
        for line in filter(None, map(str.split, lines.strip().splitlines())):
            number, name, kind, *default = line
            field = fields.add(name=name, number=int(number))
            repeated = kind.endswith("*")
            field.label = (
                FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
            )
            kind = kind.rstrip("*")
            if kind in TYPES:
                field.type = TYPES[kind]
            else:
                field.type = FIELD.TYPE_MESSAGE
                field.type_name = f".caffe.{kind}"
            if default:
                [field.default_value] = default
    pool.Add(file)
    return pool
