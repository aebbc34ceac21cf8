"""Quiet while TensorFlow is imported."""

import contextlib
import os
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
