"""faiss, which only the search for similar images needs."""

import types

from alexnet_tf.optional import import_or_explain


def load_faiss() -> types.ModuleType:
    """The module `faiss`.

    Raises:
        UserError: it is not installed.
    """
    return import_or_explain(
        "faiss", "the search for similar images", "--group retrieval"
    )
