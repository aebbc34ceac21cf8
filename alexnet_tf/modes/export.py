"""--mode=export: a SavedModel in TF Serving's layout."""

from alexnet_tf.layers.towers import resolve_tower_devices
from alexnet_tf.run import trained_run
from alexnet_tf.trained import load_trained
from export.signatures import Signatures
from export.writer import write_version


def main(options):
    """Exports the best weights of a run; returns the exit code."""
    run = trained_run(options.run)
    resolve_tower_devices(
        options.tower_devices, run.read_config().model.towers
    )  # only to refuse names that do not exist
    # Without pins: no device of this machine may enter the graph.
    trained = load_trained(run, tower_devices="none")
    signatures = Signatures(trained.network, trained.crop, trained.class_names)
    version = write_version(options.export_dir, signatures)
    print(f"exported {run.path} to {version}")
    return 0
