"""One training step of the same network in PyTorch."""

import functools
import time

import torch
from torch import nn

MAPS = (96, 256, 384, 384, 256)
UNITS = 4096
FORMATS = {
    "pytorch": torch.contiguous_format,
    "pytorch_channels_last": torch.channels_last,
}


def network(width, classes=1000):
    """The two-tower network; weights as PyTorch draws them."""
    maps = [round(width * count) for count in MAPS]
    units = round(width * UNITS)
    lrn = functools.partial(
        nn.LocalResponseNorm, size=5, alpha=5e-4, beta=0.75, k=2.0
    )
    conv = nn.Conv2d
    return nn.Sequential(
        nn.ZeroPad2d((0, 3, 0, 3)),
        *(conv(3, maps[0], 11, 4), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2)),
        *(conv(maps[0], maps[1], 5, 1, 2, groups=2), nn.ReLU(), lrn()),
        nn.MaxPool2d(3, 2),
        *(conv(maps[1], maps[2], 3, 1, 1), nn.ReLU()),
        *(conv(maps[2], maps[3], 3, 1, 1, groups=2), nn.ReLU()),
        *(conv(maps[3], maps[4], 3, 1, 1, groups=2), nn.ReLU()),
        *(nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(36 * maps[4], units), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(units, units), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(units, classes),
    )


def programs(batch_size, width=1.0):
    """A step in each memory format, on one fixed batch of floats."""
    return {name: _step(batch_size, width, FORMATS[name]) for name in FORMATS}


def _step(batch_size, width, memory_format):
    torch.manual_seed(0)
    model = network(width)
    # PyTorch declares `to` with this argument only beside others.
    model.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.SGD(
        model.parameters(), lr=1e-5, momentum=0.9, weight_decay=5e-4
    )
    images = torch.rand(batch_size, 3, 224, 224) * 255 - 128
    images = images.to(memory_format=memory_format)
    labels = torch.arange(batch_size)

    def step():
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()
        return time.perf_counter() - start

    return step


def facts():
    """The version."""
    return f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
