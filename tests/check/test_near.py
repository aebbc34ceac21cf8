"""Near duplicates against a loop over all pairs."""

import time

import numpy as np
import pytest

from alexnet_tf.check import near


def some_hashes(random, count, flipped):
    """Random 64-bit numbers, and some of them with a few bits flipped."""
    hashes = [int(n) for n in random.integers(0, 2**64, count, np.uint64)]
    for bits in flipped:
        changed = hashes[int(random.integers(count))]
        for bit in random.choice(64, bits, replace=False):
            changed ^= 1 << int(bit)
        hashes.append(changed)
    return hashes


def signs_of(hashes):
    return near.hash_signs([f"{h:016x}" for h in hashes])


def test_the_nearest_are_those_of_a_loop(monkeypatch):
    monkeypatch.setattr(near, "AT_ONCE", 7)
    random = np.random.default_rng(0)
    hashes = some_hashes(random, 60, [0, 1, 2, 3, 4, 4, 5, 6, 3, 2, 1, 0] * 3)
    group = random.integers(0, 2, len(hashes))
    [(partner, bits)] = near.nearest(
        signs_of(hashes), [lambda i: group != group[i]]
    )
    found = 0
    for i, one in enumerate(hashes):
        distances = {
            j: (one ^ other).bit_count()
            for j, other in enumerate(hashes)
            if group[i] != group[j]
        }
        least = min(distances.values())
        if least > 4:
            assert partner[i] == -1
        else:
            found += 1
            assert bits[i] == least
            assert partner[i] == min(
                j for j, bits_ in distances.items() if bits_ == least
            )
    assert 10 < found < len(hashes)


def anything(count):
    return [lambda i: np.ones(count, bool)]


def test_no_image_is_its_own_partner():
    [(partner, _)] = near.nearest(signs_of([5, 2**60 - 1]), anything(2))
    np.testing.assert_array_equal(partner, [-1, -1])


@pytest.mark.parametrize("are_alike", [False, True])
def test_many_hashes_take_no_loop_over_pairs(are_alike):
    """20,000 images are 200 million pairs: 50,000 have to be a matter of
    seconds, also where all of them look alike."""
    random = np.random.default_rng(0)
    count = 20_000
    hashes = [7] * count if are_alike else some_hashes(random, count, [3])
    signs = signs_of(hashes)
    start = time.process_time()
    [(partner, _)] = near.nearest(signs, anything(len(signs)))
    assert time.process_time() - start < 15
    assert (partner >= 0).sum() == (count if are_alike else 2)
