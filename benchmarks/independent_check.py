"""Ten-crop errors computed a second time, with other libraries.

    python -m benchmarks.independent_check --run=RUN --json CLASS/IMAGE ...

Exports the run for PyTorch and evaluates the photographs twice: as this program
does, and image by image with OpenCV (decoding, shrinking), NumPy (enlarging,
crops, softmax, averages) and PyTorch (the network, written here once more from
the paper), reading nothing but the exported file. The name of a photograph's
folder is its class. Prints both errors, the largest difference of a probability
and the number of photographs that are right in one and wrong in the other.
Needs `pip install --group dev --group bench`.
"""

import json
import pathlib
import tempfile

import cv2
import numpy as np

from benchmarks import command_line

SIDE = 256  # of what crops are taken from, section 2


def cubic_weights(new, old):
    """The matrix that enlarges `old` pixels to `new`; float64 [new, old].

    Keys' kernel with a = -0.5; where it reaches over the edge the weights
    inside are scaled to a sum of one.
    """
    places = (np.arange(new) + 0.5) * old / new - 0.5
    d = np.abs(places[:, None] - np.arange(old)[None, :])
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    return weights / weights.sum(axis=1, keepdims=True)


def record_of(encoded):
    """Shorter side to 256, then the centre; uint8 [256, 256, 3], RGB.

    Args:
        encoded: bytes of an image file.

    Raises:
        ValueError: OpenCV cannot decode it.
    """
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("not an image that OpenCV decodes")
    image = image[..., ::-1]
    sides = np.array(image.shape[:2])
    height, width = np.rint(sides * SIDE / sides.min()).astype(int)
    if sides.min() > SIDE:
        image = cv2.resize(
            image.astype(np.float32),
            (width, height),
            None,
            0,
            0,
            cv2.INTER_AREA,
        )
    else:
        rows = cubic_weights(height, sides[0])
        columns = cubic_weights(width, sides[1])
        image = np.einsum("ih,jw,hwc->ijc", rows, columns, image, optimize=True)
    top, left = (height - SIDE) // 2, (width - SIDE) // 2
    centre = image[top : top + SIDE, left : left + SIDE]
    return np.clip(np.rint(centre), 0, 255).astype(np.uint8)


def views_of(record, crop):
    """Four corners, centre and their mirrors; uint8 [10, crop, crop, 3]."""
    end = SIDE - crop
    starts = [(0, 0), (0, end), (end, 0), (end, end), (end // 2, end // 2)]
    views = [record[y : y + crop, x : x + crop] for y, x in starts]
    return np.stack(views + [view[:, ::-1] for view in views])


def logits_of(views, arrays, model):
    """The network of section 3.5 in PyTorch, at test time.

    Args:
        views: uint8 [B, crop, crop, 3], RGB.
        arrays: {name: array} of the exported file.
        model: the `model` section of its config.

    Returns:
        float32 [B, classes].
    """
    import torch

    functional = torch.nn.functional
    tensors = {name: torch.from_numpy(a) for name, a in arrays.items()}
    towers, lrn = model["towers"], model["lrn"]
    activation = {"relu": torch.relu, "tanh": torch.tanh}[model["activation"]]

    def convolved(x, number, padding, groups, stride=1):
        name = f"conv{number}"
        return functional.conv2d(
            x,
            tensors[f"{name}.weight"],
            tensors[f"{name}.bias"],
            stride,
            padding,
            groups=groups,
        )

    def normalized(x):
        if lrn["scope"] == "none":
            return x
        # b = a / (k + alpha sum a^2)^beta over the maps of a tower, or of all.
        groups = towers if lrn["scope"] == "tower" else 1
        squares = (x**2).unflatten(1, (groups, -1)).movedim(2, -1)
        sums = lrn["n"] * functional.avg_pool1d(
            squares.flatten(0, -2).unsqueeze(1),
            lrn["n"],
            1,
            lrn["n"] // 2,
        )
        sums = sums.reshape(squares.shape).movedim(-1, 2).flatten(1, 2)
        return x / (lrn["k"] + lrn["alpha"] * sums) ** lrn["beta"]

    def pooled(x):
        return functional.max_pool2d(
            x, model["pool_size"], model["pool_stride"]
        )

    def connected(x, name):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return x @ weight.T + bias

    # At test time the paper multiplies by what was kept in training; the kind
    # that scales in training has nothing to do.
    kept = 1.0
    if model["dropout_kind"] == "paper":
        kept = 1 - model["dropout"]
    with torch.no_grad():
        x = torch.from_numpy(views.astype(np.float32)).permute(0, 3, 1, 2)
        x = (x - tensors["mean"]) / model["input_divisor"]
        missing = -(model["crop"] - 11) % 4
        x = functional.pad(x, (0, missing, 0, missing))
        x = pooled(normalized(activation(convolved(x, 1, 0, 1, stride=4))))
        x = pooled(normalized(activation(convolved(x, 2, 2, towers))))
        x = activation(convolved(x, 3, 1, 1))
        x = activation(convolved(x, 4, 1, towers))
        x = pooled(activation(convolved(x, 5, 1, towers))).flatten(1)
        x = kept * activation(connected(x, "fc6"))
        x = kept * activation(connected(x, "fc7"))
        return connected(x, "fc8").numpy()


def softmax(logits):
    """float64, along the last axis."""
    powers = np.exp(np.float64(logits) - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def independent_probabilities(weights, images):
    """Mean softmax outputs of the ten crops; float64 [N, classes].

    Args:
        weights: path of a .safetensors file of --mode=export.
        images: bytes of image files.
    """
    from safetensors import safe_open
    from safetensors.numpy import load_file

    with safe_open(str(weights), "np") as file:
        model = json.loads(file.metadata()["config"])["model"]
    arrays = load_file(str(weights))
    return np.stack(
        [
            softmax(
                logits_of(
                    views_of(record_of(image), model["crop"]), arrays, model
                )
            ).mean(axis=0)
            for image in images
        ]
    )


def wrong(probabilities, labels, k):
    """Whether the label is not among the k most probable; bool [N].

    Of equal probabilities the first class counts as the more probable.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return ~np.any(best == labels[:, None], axis=1)


def compare(ours, theirs, labels):
    """The figures that are reported.

    Args:
        ours, theirs: float64 [N, classes].
        labels: integers [N].

    Returns:
        {"images", "largest_difference", and for k of 1 and 5 the errors of both
        and "top{k}_verdicts_that_differ"}.
    """
    result = {
        "images": len(labels),
        "largest_difference": float(np.abs(ours - theirs).max()),
    }
    for k in (1, 5):
        mine, other = wrong(ours, labels, k), wrong(theirs, labels, k)
        result[f"top{k}_error"] = float(mine.mean())
        result[f"top{k}_error_independent"] = float(other.mean())
        result[f"top{k}_verdicts_that_differ"] = int(np.sum(mine != other))
    return result


def check(run, files):
    """Evaluates photographs twice; see `compare`.

    Args:
        run: path of a trained run.
        files: paths `CLASS/IMAGE`, each class one of the run's.

    Raises:
        UserError: a class is none of them, or a file cannot be read.
    """
    import tensorflow as tf

    from alexnet_tf.data.preprocess import decode, to_record
    from alexnet_tf.errors import UserError
    from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
    from alexnet_tf.options import Options
    from alexnet_tf.run.folder import trained_run
    from alexnet_tf.run.trained import load_trained
    from modes import export

    folder = trained_run(run)
    trained = load_trained(folder)
    names = trained.class_names
    for file in files:
        if file.parent.name not in names:
            raise UserError(
                f"{file} lies in no folder of a class: {folder.path} knows "
                f"{', '.join(names[:5])}"
                + (" and so on" if len(names) > 5 else "")
            )
    labels = np.array([names.index(file.parent.name) for file in files])
    images = command_line.contents(files)
    ours = np.concatenate(
        [
            ten_crop_probabilities(
                trained.network,
                tf.stack([to_record(decode(i)) for i in images[at : at + 20]]),
                trained.crop,
            )
            for at in range(0, len(images), 20)
        ]
    )
    with tempfile.TemporaryDirectory() as base:
        export.main(
            Options(
                config=None,
                run=str(folder.path),
                export_dir=base,
                format="safetensors",
            )
        )
        weights = pathlib.Path(base) / "alexnet.safetensors"
        theirs = independent_probabilities(weights, images)
    return compare(ours, theirs, labels)


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--run", help="run folder; default: the newest")
    parser.add_argument("images", nargs="+", metavar="CLASS/IMAGE")
    arguments = parser.parse_args()
    result = check(arguments.run, list(map(pathlib.Path, arguments.images)))
    print(
        f"{result['images']} photographs; probabilities differ by at most "
        f"{result['largest_difference']:.1e}"
    )
    for k in (1, 5):
        print(
            f"top-{k} error {result[f'top{k}_error']:.2%}, independently "
            f"{result[f'top{k}_error_independent']:.2%}; verdicts that differ: "
            f"{result[f'top{k}_verdicts_that_differ']}"
        )
    command_line.tell(arguments, result)


if __name__ == "__main__":
    command_line.run(main)
