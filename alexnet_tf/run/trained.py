"""A trained network, read back from its run folder."""

import dataclasses
import pathlib
import warnings

import keras

from alexnet_tf.data.image_set import check_class_names
from alexnet_tf.errors import UserError, one_line
from alexnet_tf.files.checksums import check_seal
from alexnet_tf.layers.towers import placement, resolve_tower_devices
from alexnet_tf.network import build_network
from alexnet_tf.run.folder import Run


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """A network and what its outputs mean.

    Attributes:
        network: from uint8 crops [B, crop, crop, 3] to logits.
        crop: side of a crop, in pixels.
        class_names: one per logit.
    """

    network: keras.Model
    crop: int
    class_names: tuple[str, ...]


def load_trained(
    run: Run, tower_devices: str = "none", precision: str = "float32"
) -> TrainedNetwork:
    """The network of a run with its best weights.

    Args:
        run: a `Run` that has been trained.
        tower_devices: see `resolve_tower_devices`.
        precision: of computation and weights, see `build_network`; that of
            training does not matter.

    Raises:
        UserError: the weights do not fit the run's config, or a class has a
            name that cannot be printed.
    """
    config = run.read_config()
    run.say_what_config_lacks("model")
    devices = resolve_tower_devices(tower_devices, config.model.towers)
    with placement(devices):
        network = build_network(
            config.model, config.train.seed, precision, trainable=False
        )
    load_weights(network, run.best_weights, run)
    names = tuple(run.read_dataset()["class_names"])
    check_class_names(run.dataset_file, names)
    return TrainedNetwork(network, config.model.crop, names)


def load_weights(model: keras.Model, file: pathlib.Path, run: Run) -> None:
    """Reads weights into `model`; they must be its own network's.

    Raises:
        UserError: the file is another network's, damaged or no weights file.
    """
    try:
        check_seal(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Keras guesses at reasons before it raises.
            model.load_weights(file)
    except (ValueError, OSError, KeyError) as error:
        reason = one_line(error, 200)
        raise UserError(
            f"{file} does not hold the weights of the network in "
            f"{run.config_file}: {reason}"
        ) from None
