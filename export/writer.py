"""Writes a version of a model where TF Serving finds it."""

import pathlib
import shutil
import tempfile

from keras.export import ExportArchive

from alexnet_tf.files import writable


def write_version(export_dir, signatures):
    """Writes `<export_dir>/<version>/`, which appears in one rename.

    The server polls `export_dir` and loads whatever folder with a number for
    a name it finds, finished or not; so the model is written under another
    name first. That lies in the same folder, which may be a mount.

    Args:
        export_dir: base folder of the model.
        signatures: `Signatures`.

    Returns:
        Path of the new version: one more than the highest there is.

    Raises:
        UserError: the folder cannot be written.
    """
    base = pathlib.Path(export_dir)
    with writable(f"--export_dir={base}"):
        base.mkdir(parents=True, exist_ok=True)
        unfinished = pathlib.Path(
            tempfile.mkdtemp(dir=base, prefix=".unfinished-")
        )
        try:
            save(unfinished / "model", signatures)
            version = base / str(next_version(base))
            (unfinished / "model").rename(version)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return version


def save(path, signatures):
    """Writes the SavedModel."""
    # No `track(network)`: it stores every weight a second time. And no
    # tf.Module around a Keras model: TF Serving then finds other variables
    # than those that were restored.
    archive = ExportArchive()
    for name, (function, specs) in signatures.endpoints().items():
        archive.add_endpoint(name, function, specs)
    archive.write_out(str(path), verbose=False)


def next_version(base):
    """One more than the highest version in `base`; 1 where there is none."""
    versions = [int(p.name) for p in base.iterdir() if p.name.isdecimal()]
    return max(versions, default=0) + 1
