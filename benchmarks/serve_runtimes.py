"""One runtime that answers requests, in a process of its own."""

import functools
import pathlib
import time

import numpy as np

from benchmarks.serve_exports import (
    BFLOAT16,
    CONFIG,
    IMAGES,
    JPEG,
    MODEL,
    MOST_IMAGES,
    STATE,
)

SIZES = (1, MOST_IMAGES)
TIMEOUT = 60  # seconds
_versions = []


def programs(folder, runtime):
    """{"RUNTIME, IMAGES": a request that returns its seconds}.

    Writes the probabilities of each to "RUNTIME, IMAGES.npy".
    """
    folder = pathlib.Path(folder)
    answers = RUNTIMES[runtime](folder)
    images = np.load(folder / IMAGES)
    found = {}
    for size in SIZES:
        request = functools.partial(answers, images[:size])
        name = f"{runtime}, {size}"
        np.save(folder / f"{name}.npy", request())
        found[name] = functools.partial(timed, request)
    if runtime == "ours":
        jpeg = (folder / JPEG).read_bytes()
        for size in SIZES:
            request = functools.partial(
                answers.signatures["serving_default"].run,
                {"image_bytes": np.array([jpeg] * size, object)},
                TIMEOUT,
            )
            assert request()["valid"].all()
            found[f"request, {size}"] = functools.partial(timed, request)
    return found


def timed(request):
    """Seconds that a request takes."""
    start = time.perf_counter()
    request()
    return time.perf_counter() - start


def facts():
    """The library and its version."""
    return ", ".join(_versions)


class SavedModel:
    """Probabilities of an exported model."""

    def __init__(self, name, folder):
        import tensorflow as tf

        from export.server.models.loaded_model import LoadedModel

        _versions.append(f"TensorFlow {tf.__version__}")
        model = LoadedModel(folder / name, "alexnet", 1, TIMEOUT)
        self.signatures = model.signatures
        self._model = model  # closes when it is collected

    def __call__(self, images):
        return self.signatures["images"].run({"images": images}, TIMEOUT)[
            "probabilities"
        ]


def onnxruntime(folder):
    """Probabilities from ONNX Runtime."""
    import onnxruntime

    _versions.append(f"ONNX Runtime {onnxruntime.__version__}")
    session = onnxruntime.InferenceSession(
        folder / "alexnet.onnx", providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(["probabilities"], {"images": images})[0]


def openvino(precision, folder):
    """Probabilities from OpenVINO; precision None: its default."""
    import openvino  # pyright: ignore[reportMissingImports]

    _versions.append(f"OpenVINO {openvino.__version__}")
    hints = {"PERFORMANCE_HINT": "LATENCY"}
    if precision:
        hints["INFERENCE_PRECISION_HINT"] = precision
    model = openvino.Core().compile_model(folder / "alexnet.onnx", "CPU", hints)
    output = model.output("probabilities")
    return lambda images: model({"images": images})[output]


def pytorch(folder):
    """Probabilities from PyTorch, crops as `ten_crops` makes them."""
    import torch

    from export.alexnet_pytorch import AlexNet

    _versions.append(f"PyTorch {torch.__version__}")
    network = AlexNet.of_config((folder / CONFIG).read_text())
    with np.load(folder / STATE) as state:
        network.load_state_dict(
            {name: torch.from_numpy(state[name]) for name in state.files}
        )
    network.eval()
    # PyTorch declares `to` with this argument only beside others.
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    crop = network.model["crop"]
    end = 256 - crop
    places = [(0, 0), (0, end), (end, 0), (end, end), (end // 2, end // 2)]

    @torch.inference_mode()
    def probabilities(images):
        maps_first = torch.from_numpy(images).permute(0, 3, 1, 2)
        views = [
            maps_first[:, :, top : top + crop, left : left + crop]
            for top, left in places
        ]
        crops = torch.stack(views + [view.flip(3) for view in views], dim=1)
        logits = network(crops.flatten(0, 1))
        each = torch.softmax(logits, dim=1).unflatten(0, (-1, 10))
        return each.mean(dim=1).numpy()

    return probabilities


RUNTIMES = {
    "ours": functools.partial(SavedModel, MODEL),
    "ours_bfloat16": functools.partial(SavedModel, BFLOAT16),
    "onnxruntime": onnxruntime,
    "openvino": functools.partial(openvino, "f32"),
    "openvino_default": functools.partial(openvino, None),
    "pytorch": pytorch,
}
