"""Makes the embedded data set from Debian's package dataset-fashion-mnist.

    apt-get download dataset-fashion-mnist
    dpkg-deb -x dataset-fashion-mnist_*.deb unpacked
    cd unpacked/usr/share/datasets
    python .../tools/make_embedded_images.py fashion-mnist

Takes the first 600 training and 100 test images of each class, in the order
of the original files, and writes
alexnet_tf/data/sources/fashion_mnist/images.npz.
The same input gives the same bytes.
"""

import gzip
import hashlib
import pathlib
import sys

import numpy as np

OUTPUT = (
    pathlib.Path(__file__).parent.parent
    / "alexnet_tf/data/sources/fashion_mnist/images.npz"
)
# Of the decompressed files, as Zalando published them.
MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
IMAGES_PER_CLASS = {"train": 600, "t10k": 100}


def read_idx(folder, name):
    """One IDX file of unsigned bytes as an array; raises on other content."""
    content = gzip.decompress((folder / f"{name}.gz").read_bytes())
    digest = hashlib.md5(content).hexdigest()
    if digest != MD5[name]:
        raise ValueError(f"{name} has md5 {digest}, expected {MD5[name]}")
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def first_of_each_class(images, labels, count):
    """The first `count` images of every class, in the file's order."""
    chosen = np.sort(
        np.concatenate(
            [np.flatnonzero(labels == label)[:count] for label in range(10)]
        )
    )
    return images[chosen], labels[chosen]


def main(folder):
    """Writes the embedded data set from the IDX files in `folder`."""
    arrays = {}
    for split, count in IMAGES_PER_CLASS.items():
        images, labels = first_of_each_class(
            read_idx(folder, f"{split}-images-idx3-ubyte"),
            read_idx(folder, f"{split}-labels-idx1-ubyte"),
            count,
        )
        name = "train" if split == "train" else "validation"
        arrays[f"{name}_images"] = images
        arrays[f"{name}_labels"] = labels
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
