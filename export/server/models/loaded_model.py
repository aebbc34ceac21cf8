"""A version of a model, loaded as TF Serving loads it."""

import gc
import pathlib

from export.server.models.metadata import metadata_json
from export.server.models.signature import Signature
from export.server.models.warmup_run import run_warmup
from export.server.serving_error import ServingError, from_tensorflow


class LoadedModel:
    """A SavedModel in a TF1 Session: the restore path of the C++ server.

    `tf.saved_model.load` restores in another way and accepts models that TF
    Serving refuses.

    Attributes:
        signatures: {name: `Signature`}.
        metadata: answer to a metadata request, JSON text.

    Args:
        path: folder of the SavedModel.
        name: of the model.
        version: its number.
        run_timeout: seconds that one run of the warm-up may take.

    Raises:
        ServingError: it cannot be loaded, or its warm-up fails.
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        name: str,
        version: int,
        run_timeout: float,
    ) -> None:
        import tensorflow as tf

        _check_there(path)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(
            graph=graph,
            config=tf.compat.v1.ConfigProto(allow_soft_placement=True),
        )
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, ["serve"], str(path)
                )
            self.signatures = {
                key: Signature(self._session, definition)
                for key, definition in meta_graph.signature_def.items()
            }
            self.metadata = metadata_json(
                name, version, meta_graph.signature_def
            )
            run_warmup(self.signatures, path, run_timeout)
        except Exception as error:
            self.close()
            raise _as_serving_error(error) from error

    def close(self) -> None:
        """Frees the weights. No run may be under way."""
        self.signatures = {}
        self._session.close()
        # The graph's Python objects refer to each other: they would wait for
        # the collector's next full round, which may be far away.
        gc.collect()


def _check_there(path: str | pathlib.Path) -> None:
    names = ("saved_model.pb", "saved_model.pbtxt")
    if not any((pathlib.Path(path) / name).is_file() for name in names):
        raise ServingError(
            "Could not find SavedModel .pb or .pbtxt at supplied export "
            f"directory path: {path}",
            "NOT_FOUND",
        )


def _as_serving_error(error: Exception) -> ServingError:
    """Whatever TensorFlow's Python loader raises, as a status."""
    import tensorflow as tf

    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        return from_tensorflow(error)
    code = "DATA_LOSS" if isinstance(error, OSError) else "UNKNOWN"
    return ServingError(f"{type(error).__name__}: {error}", code)
