"""One training step of the same network in PyTorch."""

import functools
import time

import torch
from torch import nn

MAPS = (96, 256, 384, 384, 256)
FORMATS = {
    "pytorch": torch.contiguous_format,
    "pytorch_channels_last": torch.channels_last,
}


def network(classes=1000):
    """The two-tower network; weights as PyTorch draws them."""
    lrn = functools.partial(
        nn.LocalResponseNorm, size=5, alpha=5e-4, beta=0.75, k=2.0
    )
    conv = nn.Conv2d
    return nn.Sequential(
        nn.ZeroPad2d((0, 3, 0, 3)),
        *(conv(3, MAPS[0], 11, 4), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2)),
        *(conv(MAPS[0], MAPS[1], 5, 1, 2, groups=2), nn.ReLU(), lrn()),
        nn.MaxPool2d(3, 2),
        *(conv(MAPS[1], MAPS[2], 3, 1, 1), nn.ReLU()),
        *(conv(MAPS[2], MAPS[3], 3, 1, 1, groups=2), nn.ReLU()),
        *(conv(MAPS[3], MAPS[4], 3, 1, 1, groups=2), nn.ReLU()),
        *(nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(4096, classes),
    )


def programs(batch_size):
    """A step in each memory format, on one fixed batch of floats."""
    return {name: _step(batch_size, FORMATS[name]) for name in FORMATS}


def _step(batch_size, memory_format):
    torch.manual_seed(0)
    model = network().to(memory_format=memory_format)
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
