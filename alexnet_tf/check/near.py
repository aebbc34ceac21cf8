"""Which perceptual hashes differ in few bits only."""

from collections.abc import Callable, Sequence

import numpy as np

BITS = 64
# Of 64, up to which two images count as the same picture. On 13,394
# photographs no two different ones are that near, and copies that were
# halved, blurred or saved again at JPEG quality 50 all are, see
# benchmarks/near_duplicates.py.
MOST_DIFFERENT_BITS = 4
AT_ONCE = 512  # rows of distances, 100 MB for 50,000 images


def hash_signs(hashes: list[str]) -> np.ndarray:
    """Hexadecimal hashes as float32 [N, 64] of 1 and -1."""
    octets = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8)
    bits = np.unpackbits(octets.reshape(-1, BITS // 8), axis=1)
    return 2 * bits.astype(np.float32) - 1


def nearest(
    signs: np.ndarray, wanted: Sequence[Callable[[int], np.ndarray]]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The nearest near duplicate of each image, of one kind and another.

    One matrix product gives the distances of a block to all images: of signs
    it is 64 minus twice the number of bits that differ, exact in float32.
    Only rows with something near are looked at, and only the nearest is kept,
    so that time and memory stay small where very many images look alike.

    Args:
        signs: float32 [N, 64], see `hash_signs`.
        wanted: for each kind, from a row to bool [N]: which images may be
            what it is looking for.

    Returns:
        For each kind (int64 [N], row of the nearest with at most 4 different
        bits, the first of equally near ones, -1 where there is none; int64
        [N], how many bits differ).
    """
    count = len(signs)
    least = BITS - 2 * MOST_DIFFERENT_BITS
    found = [(np.full(count, -1), np.zeros(count, int)) for _ in wanted]
    for start in range(0, count, AT_ONCE):
        products = signs[start : start + AT_ONCE] @ signs.T
        own = np.arange(len(products))
        products[own, start + own] = -BITS  # nothing is its own copy
        for row in np.flatnonzero(products.max(axis=1) >= least).tolist():
            for is_wanted, (partner, bits) in zip(wanted, found, strict=True):
                allowed = np.where(is_wanted(start + row), products[row], -BITS)
                best = int(allowed.argmax())
                if allowed[best] >= least:
                    partner[start + row] = best
                    bits[start + row] = (BITS - int(allowed[best])) // 2
    return found
