"""What --mode=ablate takes away from a recipe, one thing at a time.

Each variant: name, values it changes, and by how many points the paper says
that the top-1 and top-5 error grow, None where it gives no number. The
paper's are ILSVRC-2010 and 2012, ninety epochs.
"""

from configs.paper import LAYERS

HALF_THE_KERNELS = (48, 128, 192, 192, 256)  # sec. 3.5, footnote

VARIANTS = (
    ("no LRN", {"model.lrn.scope": "none"}, (1.4, 1.2)),  # sec. 3.3
    (
        "pooling without overlap",
        {"model.pool_size": 2, "model.pool_stride": 2},
        (0.4, 0.3),
    ),  # sec. 3.4
    ("no dropout", {"model.dropout": 0.0}, None),  # sec. 4.2
    ("no lighting", {"model.lighting.std": 0.0}, (1.0, None)),  # sec. 4.1
    ("no crops and mirrors", {"data.augment": False}, None),  # sec. 4.1
    (
        "one-GPU network",
        {"model.towers": 1, "model.kernels": HALF_THE_KERNELS},
        (1.7, 1.2),
    ),  # sec. 3.2
    ("without conv2", {"model.without": ("conv2",)}, (2.0, None)),  # sec. 7
    ("without conv3", {"model.without": ("conv3",)}, (2.0, None)),
    ("without conv4", {"model.without": ("conv4",)}, (2.0, None)),
    ("without conv5", {"model.without": ("conv5",)}, (2.0, None)),
    ("tanh", {"model.activation": "tanh"}, None),  # sec. 3.1
    (
        "the paper's initial weights",
        {
            **{f"model.weight_std.{layer}": 0.01 for layer in LAYERS},
            **{
                f"model.bias.{layer}": 1.0
                for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")
            },
        },
        None,
    ),  # sec. 5
)
