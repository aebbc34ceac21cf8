"""AlexNet in PyTorch, for the weights that alexnet_tf exports.

This file needs PyTorch alone and lies beside every export, to be taken along:

    import torch
    from alexnet_pytorch import AlexNet

    exported = torch.load("alexnet.pt", weights_only=True)
    network = AlexNet.of_config(exported["config"])
    network.load_state_dict(exported["state_dict"])
    logits = network.eval()(images)

or, with safetensors:

    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open("alexnet.safetensors", "pt") as file:
        network = AlexNet.of_config(file.metadata()["config"])
    network.load_state_dict(load_file("alexnet.safetensors"))

`images` are RGB crops [B, 3, crop, crop], uint8 or float, 0..255; the mean is
subtracted inside. The towers are the groups of the convolutions.
"""

import json

import torch
from torch import nn

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}
ACTIVATIONS["sigmoid"] = torch.sigmoid


class PaperDropout(nn.Module):
    """Zeros in training, all outputs times 1 - rate otherwise (section 4.2).

    PyTorch's own scales in training instead, which trains another network.

    Args:
        rate: probability of a zero.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of the shape of `x`."""
        if self.training:
            return x * (torch.rand_like(x) >= self.rate)
        return x * (1 - self.rate)


class AlexNet(nn.Module):
    """The network of Krizhevsky, Sutskever and Hinton (NIPS 2012).

    Args:
        model: the `model` section of a config, a dict.
    """

    def __init__(self, model: dict) -> None:
        super().__init__()
        self.model = model
        towers, crop = model["towers"], model["crop"]
        k1, k2, k3, k4, k5 = (self._scaled(k) for k in model["kernels"])
        units = self._scaled(model["units"])
        side = crop if model["mean"] == "image" else 1
        self.register_buffer("mean", torch.zeros(3, side, side))
        self.conv1 = nn.Conv2d(3, k1, 11, stride=4)
        self.conv2 = nn.Conv2d(k1, k2, 5, padding=2, groups=towers)
        self.conv3 = nn.Conv2d(k2, k3, 3, padding=1)
        self.conv4 = nn.Conv2d(k3, k4, 3, padding=1, groups=towers)
        self.conv5 = nn.Conv2d(k4, k5, 3, padding=1, groups=towers)
        self.pool = nn.MaxPool2d(model["pool_size"], model["pool_stride"])
        self.activation = ACTIVATIONS[model["activation"]]
        # Zeros below and to the right, until the kernels cover the image.
        self.missing = -(crop - 11) % 4
        # Files from before there were two kinds have no such key.
        paper = model.get("dropout_kind", "inverted") == "paper"
        self.dropout = (PaperDropout if paper else nn.Dropout)(model["dropout"])
        place = 1 + -(-(crop - 11) // 4)
        for _ in range(3):
            place = 1 + (place - model["pool_size"]) // model["pool_stride"]
        self.fc6 = nn.Linear(k5 * place**2, units)
        self.fc7 = nn.Linear(units, units)
        self.fc8 = nn.Linear(units, model["num_classes"])

    @classmethod
    def of_config(cls, text: str) -> "AlexNet":
        """The network of a config as JSON text."""
        return cls(json.loads(text)["model"])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [B, classes]."""
        x = (images - self.mean) / self.model["input_divisor"]
        x = nn.functional.pad(x, (0, self.missing, 0, self.missing))
        x = self.pool(self.lrn(self.activation(self.conv1(x))))
        x = self.pool(self.lrn(self.activation(self.conv2(x))))
        x = self.activation(self.conv3(x))
        x = self.activation(self.conv4(x))
        x = self.pool(self.activation(self.conv5(x)))
        x = torch.flatten(x, 1)
        x = self.dropout(self.activation(self.fc6(x)))
        x = self.dropout(self.activation(self.fc7(x)))
        return self.fc8(x)

    def lrn(self, maps: torch.Tensor) -> torch.Tensor:
        """Local response normalization, of a tower's own maps or of all."""
        lrn = self.model["lrn"]
        if lrn["scope"] == "none":
            return maps
        parts = self.model["towers"] if lrn["scope"] == "tower" else 1
        n = lrn["n"]
        constants = (n, n * lrn["alpha"], lrn["beta"], lrn["k"])
        return torch.cat(
            [
                # It divides alpha by n.
                nn.functional.local_response_norm(part, *constants)
                for part in maps.chunk(parts, dim=1)
            ],
            dim=1,
        )

    def _scaled(self, units: int) -> int:
        towers = self.model["towers"]
        return max(1, round(units * self.model["width"] / towers)) * towers
