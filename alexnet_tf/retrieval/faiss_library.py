"""faiss, which only the search for similar images needs."""

from alexnet_tf.errors import UserError


def load_faiss():
    """The module `faiss`.

    Raises:
        UserError: it is not installed.
    """
    try:
        import faiss
    except ModuleNotFoundError:
        raise UserError(
            "the search for similar images needs faiss: "
            "pip install --group retrieval"
        ) from None
    return faiss
