"""Pickles as Python 2 wrote them, protocol 2."""

import io
import pickle
import struct


class _Python2Pickler(pickle._Pickler):
    """Python 2 had one kind of text, bytes, and numpy other module names."""

    dispatch = pickle._Pickler.dispatch.copy()

    def _save_string(self, text):
        data = text.encode("latin1") if isinstance(text, str) else text
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = _save_string
    dispatch[bytes] = _save_string


def dumps(value):
    """The pickle of a value of arrays, texts, numbers, lists and dicts."""
    file = io.BytesIO()
    _Python2Pickler(file, protocol=2).dump(value)
    new = b"cnumpy._core.multiarray\n"
    return file.getvalue().replace(new, b"cnumpy.core.multiarray\n")
