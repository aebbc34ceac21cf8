"""Which copies of a photograph --mode=check calls near ones.

    python -m benchmarks.near_duplicates --data_dir=DIR
        [--name=imagenette/160px-v2] [--copies=300] [--json]

Shares of changed copies whose perceptual hash differs from the original's in
few enough bits, and how many pairs of the set's own images are as near: two
different photographs, where the set has no copies in it. With --json the last
line is one JSON object.
"""

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from alexnet_tf.check.image_facts import chunks, perceptual_hash
from alexnet_tf.check.near import AT_ONCE, BITS, MOST_DIFFERENT_BITS, hash_signs
from alexnet_tf.data.sources.open_source import open_whole_source
from benchmarks import command_line


def saved_again(image, quality):
    """The image after JPEG compression."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def resized(image, across, down):
    """The image with its sides multiplied by two factors."""
    sides = round(across * image.width), round(down * image.height)
    return image.resize(sides, Image.Resampling.BICUBIC)


def cropped(image, share):
    """The image without a share of the shorter side at each edge."""
    return ImageOps.crop(image, round(share * min(image.size)))


CHANGES = {
    "JPEG quality 50": lambda image: saved_again(image, 50),
    "JPEG quality 20": lambda image: saved_again(image, 20),
    "half as large": lambda image: resized(image, 0.5, 0.5),
    "blurred by 1.5 pixels": lambda image: image.filter(
        ImageFilter.GaussianBlur(1.5)
    ),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "a quarter wider": lambda image: resized(image, 1.25, 1),
    "contrast +30 %": lambda image: ImageEnhance.Contrast(image).enhance(1.3),
    "brightness +30 %": lambda image: ImageEnhance.Brightness(image).enhance(
        1.3
    ),
    "3 of 224 pixels cropped": lambda image: cropped(image, 3 / 224),
    "6 of 224 pixels cropped": lambda image: cropped(image, 6 / 224),
}


def near_pairs(signs):
    """How many pairs of rows differ in few enough bits."""
    least = BITS - 2 * MOST_DIFFERENT_BITS
    count = sum(
        int((signs[i : i + AT_ONCE] @ signs.T >= least).sum())
        for i in range(0, len(signs), AT_ONCE)
    )
    return (count - len(signs)) // 2


def main():
    """Prints a line for each change; with --json also an object."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--data_dir", required=True, help="of the images")
    parser.add_argument("--name", default="imagenette/160px-v2", help="of them")
    parser.add_argument(
        "--copies", type=command_line.count, default=300, help="how many"
    )
    arguments = parser.parse_args()
    source = open_whole_source(arguments.name, arguments.data_dir)
    splits = [s for s in (source.train, source.validation) if s]
    total = sum(split.size for split in splits)
    step = max(1, total // arguments.copies)
    phash = perceptual_hash()
    hashes, near, changed = [], dict.fromkeys(CHANGES, 0), 0
    for split in splits:
        for chunk in chunks(split):
            for example in chunk:
                pixels = source.decode(example["image"]).numpy()
                hashes.append(phash(pixels))
                if len(hashes) % step:
                    continue
                changed += 1
                original = hash_signs(hashes[-1:])
                for name, change in CHANGES.items():
                    copy = change(Image.fromarray(pixels)).convert("RGB")
                    signs = hash_signs([phash(np.asarray(copy))])
                    near[name] += near_pairs(np.concatenate([original, signs]))
    pairs = near_pairs(hash_signs(hashes))
    shares = {name: count / changed for name, count in near.items()}
    for name, share in shares.items():
        print(f"{name}: {share:.1%} of {changed} copies are near")
    print(
        f"of {total * (total - 1) // 2:,} pairs of {total:,} images {pairs} "
        f"differ in at most {MOST_DIFFERENT_BITS} bits"
    )
    command_line.tell(arguments, {"near": shares, "pairs": pairs})


if __name__ == "__main__":
    command_line.run(main)
