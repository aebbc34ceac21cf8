"""What --mode=ablate takes away from a recipe, one thing at a time.

Each variant: name, values it changes, and by how many points the top-1 and
top-5 error grew in 2012, None where no number is known: the paper's, and for
towers that never meet experiment 150's of the released notebook. They are of
ILSVRC-2010 and 2012, ninety epochs. What each variant is expected to do, said
before it is trained: docs/ablations.md.
"""

from configs.paper import LAYERS

HALF_THE_KERNELS = (48, 128, 192, 192, 256)  # sec. 3.5, footnote
NEVER_MEET = "towers that never meet"  # not for a recipe of one tower

VARIANTS = (
    # All norms of a recipe, the one inside maps too, as experiment 148, which
    # is behind the numbers of sec. 3.3.
    (
        "no LRN",
        {"model.lrn.scope": "none", "model.same_map_norm.size": 0},
        (1.4, 1.2),
    ),
    # With the paddings of experiment 147, which is behind the numbers of
    # sec. 3.4: the maps stay about as large.
    (
        "pooling without overlap",
        {
            "model.pool_size": 2,
            "model.pool_stride": 2,
            "model.pool_padding": "ceil",
            "model.padding": (1, 1, 1, 0),
        },
        (0.4, 0.3),
    ),
    ("no dropout", {"model.dropout": 0.0}, None),  # sec. 4.2
    ("no lighting", {"model.lighting.std": 0.0}, (1.0, None)),  # sec. 4.1
    ("no crops and mirrors", {"data.augment": False}, None),  # sec. 4.1
    (
        "one-GPU network",
        {"model.towers": 1, "model.kernels": HALF_THE_KERNELS},
        (1.7, 1.2),
    ),  # sec. 3.2
    # Experiment 150 against 145, with as many weights.
    (
        NEVER_MEET,
        {
            "model.exchange": ("fc8",),
            "model.kernels": (96, 320, 384, 384, 256),
            "model.units": 8192,
            "model.fc7_units": 4096,
        },
        (1.2, 1.1),
    ),
    # The network that experiment 146 pre-trains; alone it was not measured.
    (
        "a sixth convolution",
        {
            "model.conv6": 256,
            "model.weight_std.conv6": 0.03,
            "model.bias.conv6": 1.0,
            "model.exchange": ("conv3", "conv6", "fc6", "fc7", "fc8"),
        },
        None,
    ),
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
