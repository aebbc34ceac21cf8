"""Advice where the memory does not suffice."""

import contextlib
import re

import tensorflow as tf

from alexnet_tf.errors import UserError


@contextlib.contextmanager
def memory_advice(train, run):
    """Turns running out of memory inside into one line of advice.

    Args:
        train: the `train` section of a config.
        run: the `Run` that is trained.

    Raises:
        UserError: instead of TensorFlow's error or a MemoryError. Resources
            other than memory, such as open files, keep theirs.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        reason = re.search(r"OOM[^\n]*|[^\n]*\bmemory\b[^\n]*", str(error))
        if not reason and not isinstance(error, MemoryError):
            raise
        what = f" ({_short(reason[0])})" if reason else ""
        saved = (
            f"; what {run.path} holds is kept and goes on with either"
            if run.state_folder.exists()
            else ""
        )
        raise UserError(
            f"out of memory{what}: {', or '.join(_savings(train))}{saved}; "
            "a smaller --config.train.batch_size takes a new run"
        ) from None


def _short(reason):
    """Without the device's long name and the name of the allocator."""
    return re.sub(r"/job:\S+/device:| by allocator.*", "", reason).strip()[:100]


def _savings(train):
    """What saves memory and changes neither batch nor recipe."""
    finer = [
        parts
        for parts in range(2 * train.accumulate, train.batch_size + 1)
        if train.batch_size % parts == 0
    ]
    savings = []
    if finer:
        savings.append(
            f"--config.train.accumulate={finer[0]} computes a batch in "
            f"{finer[0]} parts, with the same result"
        )
    if train.precision == "float32":
        savings.append(
            "--config.train.precision=bfloat16 halves the activations"
        )
    return savings or ["the batch is computed image by image already"]
