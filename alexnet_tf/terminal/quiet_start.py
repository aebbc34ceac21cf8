"""Quiet and quick while TensorFlow is imported."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def start_up_notes_hidden() -> Iterator[None]:
    """Hides what is written to file descriptor 2 unless the block fails.

    TensorFlow 2.21 writes notes about oneDNN there while it is imported,
    whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    with tempfile.TemporaryFile() as notes:
        stderr = os.dup(2)
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextlib.contextmanager
def scikit_learn_hidden() -> Iterator[None]:
    """Lets nothing import scikit-learn in the block.

    Keras does where it is installed, for wrappers that are not used here, and
    scipy.stats comes with it: over a quarter of the CPU time of `import keras`,
    5.1 s with it and 3.7 s without.
    """
    if "sklearn" in sys.modules:
        yield
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["sklearn"]
