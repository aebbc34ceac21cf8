"""A trained network that another training begins with, --init."""

import copy
import dataclasses
import pathlib

import keras
import numpy as np
from ml_collections import ConfigDict

from alexnet_tf.config import config_from_json, differences
from alexnet_tf.data.sources.imagenet_classes import names_by_wnid
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable
from alexnet_tf.files.checksums import file_sha256
from alexnet_tf.layers.input import PCALighting
from alexnet_tf.run.ancestry import IMPORTED, beginning_of
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.trained import TrainedNetwork, load_trained
from alexnet_tf.weights.file_network import has_mean, network_of
from alexnet_tf.weights.in_network import (
    assign_layers,
    joined_weights,
    shape_in_words,
    with_colours_turned,
)
from alexnet_tf.weights.read import read_weights

LAST = "fc8"
# These may differ without the layers meaning something else.
NO_MATTER = (
    *("model.num_classes ", "model.weight_std.", "model.bias."),
    "model.channel_order ",
    "model.lighting.",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartingPoint:
    """A trained network.

    Attributes:
        path: of its run folder or weights file, absolute.
        sha256: of its weights.
        network: with its weights, its mean and its principal components.
        config: of it; of a weights file that has none the one it was read
            with.
        class_names: in label order; () where they are unknown.
        images: name of the set that it was trained on.
        licence: of that set, or of the file.
        before: what it began with itself, see `ancestry.beginning_of`.
    """

    path: pathlib.Path
    sha256: str
    network: keras.Model
    config: ConfigDict
    class_names: tuple[str, ...]
    images: str
    licence: str
    before: dict | None

    def give(
        self,
        network: keras.Model,
        config: ConfigDict,
        class_names: tuple[str, ...],
    ) -> dict:
        """Stores what `config.init` takes in another network.

        Args:
            network: the other one, new; its mean and principal components are
                those of its images.
            config: of it.
            class_names: of it, in label order.

        Returns:
            What `ancestry.beginning_of` returns.

        Raises:
            UserError: a layer that is asked for does not fit, or none does.
        """
        for key in ("towers", "width"):
            there, here = self.config.model[key], config.model[key]
            if there != here:
                raise UserError(
                    f"{self._flag}: its network has model.{key} {there}, this "
                    f"one {here}: train with --config.model.{key}={there}"
                )
        layers, new, classes = self._layers_for(network, config, class_names)
        theirs, ours = (c.model.channel_order for c in (self.config, config))
        if "conv1" in layers and theirs != ours:
            layers["conv1"] = with_colours_turned(*layers["conv1"])
        assign_layers(network, layers)
        if config.init.statistics == "source":
            self._give_statistics(network)
        return {
            "source": str(self.path),
            "sha256": self.sha256,
            "layers": list(layers),
            "new_layers": new,
            "classes": classes,
            "statistics": config.init.statistics,
            "images": self.images,
            "licence": self.licence,
            "before": self.before,
        }

    def differences(self, config: ConfigDict) -> list[str]:
        """What its layers compute otherwise than those of a config."""
        return [
            difference
            for difference in differences("model", self.config, config)
            if not difference.startswith(NO_MATTER)
        ]

    @property
    def _flag(self) -> str:
        return f"--init={self.path}"

    def _layers_for(
        self,
        network: keras.Model,
        config: ConfigDict,
        class_names: tuple[str, ...],
    ) -> tuple[dict[str, tuple[np.ndarray, ...]], dict[str, str], int]:
        """{layer: its arrays} of what is taken, {layer: reason} of what is
        not, and how many classes of the last layer are."""
        asked = config.init.layers
        theirs, ours = joined_weights(self.network), joined_weights(network)
        taken, misfits, pairs = {}, {}, []
        for name in asked or ours:
            if name not in theirs:
                misfits[name] = f"there is no {name} there"
                continue
            there, here = theirs[name], ours[name]
            if name == LAST:
                pairs = self._pairs_of_classes(config.init, class_names)
                if not pairs:
                    misfits[name] = "its classes are others there"
                    continue
                there = _with_classes(here, there, pairs)
            if misfit := _misfit(name, there, here):
                misfits[name] = misfit
            else:
                taken[name] = there
        if misfits and (asked or not taken):
            leave_out = ": leave it out of --config.init.layers" * bool(asked)
            raise UserError(
                f"{self._flag}: {next(iter(misfits.values()))}{leave_out}"
            )
        broken = [
            name
            for name, arrays in taken.items()
            if not all(np.isfinite(array).all() for array in arrays)
        ]
        if broken:
            raise UserError(
                f"{self._flag}: weights of {broken[0]} are not finite"
            )
        return taken, misfits, len(pairs)

    def _pairs_of_classes(
        self, init: ConfigDict, names: tuple[str, ...]
    ) -> list[tuple[int, int]]:
        """[(number there, number here)] of the classes that are taken."""
        there = {name: i for i, name in enumerate(self.class_names)}
        if init.shared_classes or self.class_names == names:
            return [(there[n], i) for i, n in enumerate(names) if n in there]
        if set(there) == set(names):
            reason = "has these classes in another order"
        elif LAST not in init.layers:
            return []
        elif not there:
            reason = "does not name its classes"
        else:
            reason = f"has other classes, {_some(self.class_names)}"
        raise UserError(
            f"{self._flag} {reason}: leave {LAST} out of --config.init.layers,"
            " or take the classes that both name, each by its name, with "
            "--config.init.shared_classes"
        )

    def _give_statistics(self, network: keras.Model) -> None:
        measured = "; --config.init.statistics=measured takes these images'"
        mean, its_mean = (n.get_layer("mean") for n in (network, self.network))
        if mean.kind != "given":
            if not has_mean(self.network):
                raise UserError(
                    f"{self._flag} has no mean of its training images: give "
                    f"--mean_file=FILE{measured}"
                )
            array = its_mean.mean.numpy()
            if mean.kind == "rgb":
                array = array.mean(axis=(0, 1), keepdims=True)
            elif len(array) == 1:
                array = np.broadcast_to(array, mean.mean.shape)
            elif len(array) < mean.mean.shape[0]:
                raise UserError(
                    f"{self._flag} has a mean image of "
                    f"{shape_in_words(array.shape[:2])} pixels, too small for "
                    f"crops of {mean.mean.shape[0]}{measured}"
                )
            mean.set_mean(array)
        lighting, its = (
            n.get_layer("lighting") for n in (network, self.network)
        )
        if lighting.std == 0 and not its.components.numpy().any():
            return
        _give_components(lighting, its, f"{self._flag} has no", measured)


def _give_components(
    lighting: PCALighting, its: PCALighting, reason: str, otherwise: str
) -> None:
    vectors, values = its.principal_components()
    if not values.any():
        raise UserError(
            f"{reason} principal components for the lighting of "
            f"model.lighting.std{otherwise}"
        )
    if lighting.scale == its.scale:  # to the bit
        lighting.components.assign(its.components)
    else:
        lighting.set_principal_components(vectors, values)


def _misfit(
    name: str, theirs: tuple[np.ndarray, ...], ours: tuple[np.ndarray, ...]
) -> str:
    """Which shapes differ, or nothing."""
    for what, there, here in zip(("kernel", "bias"), theirs, ours, strict=True):
        if there.shape != here.shape:
            return (
                f"the {what} of {name} is {shape_in_words(there.shape)} there "
                f"and {shape_in_words(here.shape)} here"
            )
    return ""


def _with_classes(
    new: tuple[np.ndarray, ...],
    last: tuple[np.ndarray, ...],
    pairs: list[tuple[int, int]],
) -> tuple[np.ndarray, ...]:
    """The last layer's new arrays with the weights of some classes."""
    there, here = map(list, zip(*pairs, strict=True))
    if new[0].shape[:-1] != last[0].shape[:-1]:
        return last  # which does not fit
    arrays = tuple(array.copy() for array in new)
    for array, source in zip(arrays, last, strict=True):
        array[..., here] = source[..., there]
    return arrays


def _some(names: tuple[str, ...], most: int = 5) -> str:
    return ", ".join(names[:most]) + ", ..." * (len(names) > most)


def read_starting_point(
    path: str,
    config: ConfigDict | None,
    *,
    trust_pickle: bool = False,
    mean_file: str | None = None,
) -> StartingPoint:
    """Reads a `StartingPoint`.

    Args:
        path: of a run folder or a weights file.
        config: of the network that a weights file is read as where it does
            not say; None where none was given. It stays as it is.
        trust_pickle: whether the file may be a pickle.
        mean_file: Caffe's mean image of a weights file.

    Raises:
        UserError: it is neither, has no weights or is damaged.
    """
    place = pathlib.Path(path).resolve()
    if place.is_file():
        return _of_file(place, config, trust_pickle, mean_file)
    if not place.is_dir():
        raise UserError(
            f"--init={path}: there is no such run folder or weights file"
        )
    for flag, value in (
        ("trust_pickle", trust_pickle),
        ("mean_file", mean_file),
    ):
        if value:
            raise UserError(
                f"--{flag} is for weights files, and --init={path} is a "
                "folder: leave it out"
            )
    run = trained_run(place)
    trained, digest = _weights_and_digest(run)
    dataset = run.read_dataset()
    return StartingPoint(
        path=place,
        sha256=digest,
        network=trained.network,
        config=run.read_config(),
        class_names=trained.class_names,
        images=dataset["name"],
        licence=dataset["licence"],
        before=beginning_of(run),
    )


def _weights_and_digest(run: Run) -> tuple[TrainedNetwork, str]:
    """A run's network and the SHA-256 of the very weights that it has.

    A run that still trains may replace them while they are read.
    """
    while True:
        with readable(run.best_weights):
            digest = run.weights_sha256()
        trained = load_trained(run)
        if run.weights_sha256() == digest:
            return trained, digest


def _of_file(
    path: pathlib.Path,
    config: ConfigDict | None,
    trust_pickle: bool,
    mean_file: str | None,
) -> StartingPoint:
    weights = read_weights(path, trust_pickle, "--init")
    if weights.config is not None:
        with readable(path):
            config = config_from_json(weights.config)
    if config is None:
        raise UserError(
            f"--init={path} does not say what network it is for: name its "
            "recipe, such as --config=configs/caffe.py"
        )
    own = copy.deepcopy(config)
    if LAST in weights.layers:
        own.model.num_classes = weights.layers[LAST][1].size
    network = network_of(path, weights, own, mean_file)
    dataset = weights.dataset or {}
    imagenet = tuple(names_by_wnid().values())
    fits_imagenet = own.model.num_classes == len(imagenet)
    names = dataset.get("class_names", imagenet if fits_imagenet else ())
    before = dataset.get(IMPORTED)
    return StartingPoint(
        path=path,
        sha256=file_sha256(path),
        network=network,
        config=own,
        class_names=tuple(names),
        images=dataset.get("name", "unknown images"),
        licence=dataset.get("licence", "that of the file"),
        before=before and {IMPORTED: before},
    )
