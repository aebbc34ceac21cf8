"""One training step of the same network in PyTorch: plain, and by an expert."""

import functools
import time

import torch
from torch import nn

MAPS = (96, 256, 384, 384, 256)
UNITS = 4096


class ChannelProducts(nn.Module):
    """LRN of two towers as a convolution of squares and two square roots.

    A 1x1 convolution with a band of ones sums the squares of the neighbours;
    x**-0.75 is rsqrt(x) * sqrt(rsqrt(x)), which is cheaper than a power.
    """

    def __init__(self, maps, towers=2, size=5, alpha=1e-4, k=2.0):
        super().__init__()
        own = maps // towers
        place = torch.arange(own)
        near = (place[:, None] - place[None]).abs() <= size // 2
        band = (alpha * near).float().repeat(towers, 1)[..., None, None]
        self.register_buffer("band", band)
        self.towers, self.k = towers, k

    def forward(self, maps):
        sums = nn.functional.conv2d(maps * maps, self.band, groups=self.towers)
        root = torch.rsqrt(self.k + sums)
        return maps * (root * root.sqrt())


def plain_lrn(maps):
    """PyTorch's own layer; its alpha is divided by the size."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


def network(width, lrn=plain_lrn, classes=1000):
    """The two-tower network; weights as PyTorch draws them.

    Args:
        width: factor on all counts of maps and units.
        lrn: makes a normalization of so many maps.
        classes: outputs.
    """
    maps = [round(width * count) for count in MAPS]
    units = round(width * UNITS)
    conv = nn.Conv2d
    return nn.Sequential(
        nn.ZeroPad2d((0, 3, 0, 3)),
        *(conv(3, maps[0], 11, 4), nn.ReLU(), lrn(maps[0])),
        nn.MaxPool2d(3, 2),
        *(conv(maps[0], maps[1], 5, 1, 2, groups=2), nn.ReLU()),
        lrn(maps[1]),
        nn.MaxPool2d(3, 2),
        *(conv(maps[1], maps[2], 3, 1, 1), nn.ReLU()),
        *(conv(maps[2], maps[3], 3, 1, 1, groups=2), nn.ReLU()),
        *(conv(maps[3], maps[4], 3, 1, 1, groups=2), nn.ReLU()),
        *(nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(36 * maps[4], units), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(units, units), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(units, classes),
    )


def programs(batch_size, width=1.0, precision="float32"):
    """A step of each kind on one fixed batch of floats.

    Args:
        batch_size: images of a step.
        width: of the network.
        precision: float32, or bfloat16 for autocast on the CPU.

    Returns:
        pytorch and pytorch_channels_last: the usual program in either memory
        format; pytorch_compiled: channels last, ChannelProducts and
        torch.compile, which needs a C++ compiler.
    """
    step = functools.partial(_step, batch_size, precision)
    compiled = network(width, ChannelProducts)
    return {
        "pytorch": step(network(width), torch.contiguous_format),
        "pytorch_channels_last": step(network(width), torch.channels_last),
        "pytorch_compiled": step(compiled, torch.channels_last, torch.compile),
    }


def _step(batch_size, precision, model, memory_format, compiled=lambda f: f):
    torch.manual_seed(0)
    # PyTorch declares `to` with this argument only beside others.
    model.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=1e-5,
        momentum=0.9,
        weight_decay=5e-4,
        fused=True,
    )
    images = torch.rand(batch_size, 3, 224, 224) * 255 - 128
    images = images.to(memory_format=memory_format)
    labels = torch.arange(batch_size)

    def loss_of(images, labels):
        with torch.autocast("cpu", torch.bfloat16, precision == "bfloat16"):
            return nn.functional.cross_entropy(model(images), labels)

    loss_of = compiled(loss_of)

    def step():
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of(images, labels)
        loss.backward()
        optimizer.step()
        loss.item()
        return time.perf_counter() - start

    return step


def facts():
    """The version."""
    return f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
