"""What a person can ask of a mode: each flag, and which modes use it."""

import dataclasses
import difflib
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from alexnet_tf.errors import UserError
from configs.ranges import Count, CountOrZero, Fraction, Seed, at_least, at_most


def flag(
    default: Any, text: str, path: bool = False, recipe: bool = False
) -> Any:
    """A field of `Options` that is a flag.

    Args:
        default: the value where the flag is not given.
        text: what --help says.
        path: whether it names files or folders, so that ~ is one's home.
        recipe: whether it names a recipe, whose config becomes the value.
    """
    return dataclasses.field(
        default=default, metadata={"text": text, "path": path, "recipe": recipe}
    )


@dataclasses.dataclass(kw_only=True)
class Options:
    """Values of the command line. The annotations say what flags may be.

    Attributes:
        config: the `ConfigDict` of --config with its overrides applied.
        against: another `ConfigDict`, of --against, or None.
        config_given: whether --config stood on the command line.
        config_name: name of the recipe, such as "demo".
        overrides: {"train.epochs": 2, ...} from --config.KEY=VALUE.
    """

    config: Any = flag(
        None,
        "Recipe: a Python file whose get_config() returns the values. "
        "Default: configs/demo.py, or what the run was trained with. "
        "--config.KEY=VALUE changes one of them.",
        recipe=True,
    )
    against: Any = flag(
        None,
        "Another recipe: what --config has otherwise is printed.",
        recipe=True,
    )
    config_given: bool = False
    config_name: str = "demo"
    overrides: dict[str, Any] = dataclasses.field(default_factory=dict)
    run: str | None = flag(
        None,
        "Run folder: made if absent, continued if it holds a run. Default: a "
        "new one under runs/ for training, the newest one there otherwise.",
        path=True,
    )
    init: str | None = flag(
        None,
        "Trained network that a new run begins with: a run folder, trained or "
        "imported, or a weights file that --mode=import_weights reads. Without "
        "--config the new run has its recipe.",
        path=True,
    )
    runs: tuple[str, ...] = flag(
        (),
        "Run folders and exported models, separated by commas: their "
        "probabilities are averaged.",
        path=True,
    )
    coefficients: tuple[str, ...] = flag(
        (),
        "Weights of --runs in their average, such as 0.4,0.6; search: found by "
        "the top-5 error on a half of the images; search_all: on all, as in "
        "2012.",
    )
    data_dir: str | None = flag(
        None, "Folder of the images or TFDS data, or list of images.", path=True
    )
    download: bool = flag(False, "Whether TFDS may download.")
    tower_devices: str = flag(
        "auto",
        "Where the towers run: auto (two GPUs where there are two), none, or "
        "two devices such as GPU:0,GPU:1.",
    )
    logical_cpus: Count = flag(
        1,
        "Splits the CPU into so many devices CPU:0, CPU:1, ..., to try "
        "--tower_devices without GPUs.",
    )
    workers: Count = flag(
        1,
        "Processes of this machine that train together, each with its own "
        "towers.",
    )
    watch: Annotated[int, at_least(-1), at_most(65535)] = flag(
        -1,
        "Port of a page about the run, on this machine, while it trains: "
        "8502 where no number is given, 0 for a free one, -1 for no page.",
    )
    crops: Literal[1, 10] = flag(10, "Views of an image that are averaged.")
    images: tuple[str, ...] = flag(
        (),
        "Image file, or folder with some; more may follow it.",
        path=True,
    )
    results_dir: str | None = flag(
        None,
        "Folder for results.md and results.csv, which a single run has in its "
        "own folder besides.",
        path=True,
    )
    submission: str | None = flag(
        None,
        "File to write as ILSVRC takes it: a line per image, the numbers of "
        "its five most probable classes, best first.",
        path=True,
    )
    synsets: str | None = flag(
        None,
        "File with the class of number 1 on its first line, and so on, as "
        "WordNet id or name, for --submission. Default: the label order.",
        path=True,
    )
    csv: str | None = flag(
        None,
        "Table to write, a row a file. Where it is there already, the files "
        "that it lacks are added.",
        path=True,
    )
    threshold: Fraction = flag(
        0.0,
        "In the table a class less probable than this is `none of these`.",
    )
    explain: str | None = flag(
        None,
        "Folder for a picture of each image: where the evidence for its five "
        "most probable classes lies, by Grad-CAM.",
        path=True,
    )
    export_dir: str = flag(
        "exports/alexnet",
        "Base folder of the model: a SavedModel is written into <version>/ "
        "under it, as TF Serving reads it.",
        path=True,
    )
    format: Literal[
        "saved_model", "onnx", "tflite", "keras", "safetensors", "pytorch"
    ] = flag(
        "saved_model",
        "What to write: a SavedModel for TF Serving, an ONNX file, a LiteRT "
        "file for phones, a model of Keras' own layers, or weights for "
        "PyTorch.",
    )
    quantize: Literal["none", "float16", "int8"] = flag(
        "none",
        "What a LiteRT file's weights are stored as (float16 or int8), or an "
        "ONNX file's (int8; the ranges of its activations are those of some "
        "training images, found where they were or in --data_dir).",
    )
    precision: Literal["float32", "bfloat16"] = flag(
        "float32",
        "What the SavedModel computes in and stores its weights as. bfloat16: "
        "half the size, and faster where the processor has AVX-512 BF16 or "
        "AMX.",
    )
    calibrate: bool = flag(
        False,
        "Whether the SavedModel's probabilities are calibrated by the "
        "temperature that --mode=evaluate fitted on the validation images.",
    )
    keep_versions: CountOrZero = flag(
        0, "Versions to keep under --export_dir, the newest; 0 keeps all."
    )
    models_config: str | None = flag(
        None,
        "Models to offer, in TF Serving's text format; without it the model "
        "under --export_dir.",
        path=True,
    )
    host: str = flag("127.0.0.1", "Address to listen on.")
    port: Annotated[int, at_least(0), at_most(65535)] = flag(
        8501, "Port to listen on; 0 takes a free one."
    )
    allow_origin: tuple[str, ...] = flag(
        (),
        "Web pages of other servers that may ask, such as https://example.org, "
        "separated by commas; * for all.",
    )
    prepared_dir: str | None = flag(
        None, "Where 256x256 records are written.", path=True
    )
    record_format: Literal["jpeg", "raw"] = flag(
        "jpeg", "Records: JPEG of quality 95, or pixels as they are."
    )
    max_rejected: Fraction = flag(
        0.001, "Share of images that may be left out before preparing stops."
    )
    check_dir: str | None = flag(
        None,
        "Folder for check.html and check.json, and for what is known of each "
        "image when the check is repeated. Default: one under checks/.",
        path=True,
    )
    strict: bool = flag(
        False, "Whether the exit code is 1 where something was found."
    )
    weights: str | None = flag(
        None,
        "File to import: .caffemodel, .npy, .onnx, .safetensors, .pt or a "
        "checkpoint of cuda-convnet.",
        path=True,
    )
    trust_pickle: bool = flag(
        False,
        "Whether --weights or --init may be a Python pickle, which can carry "
        "programs.",
    )
    mean_file: str | None = flag(
        None, "Caffe's mean image: .binaryproto or .npy.", path=True
    )
    index_dir: str | None = flag(
        None, "Folder of the index. Default: index/ of the run.", path=True
    )
    index_kind: Literal["flat", "hnsw", "ivf", "ivf4"] = flag(
        "flat",
        "How --mode=search will look for neighbours: flat is exact, the "
        "others are for large sets; ivf4 is not for codes.",
    )
    index_dtype: Literal["float32", "float16"] = flag(
        "float32", "Precision of the vectors that are stored."
    )
    codes: CountOrZero = flag(
        0,
        "Bits of the binary codes to make or compare, such as 128; 0 compares "
        "the vectors themselves.",
    )
    neighbours: Count = flag(6, "Images to find.")
    seeds: Count = flag(3, "Runs of each network.")
    figure_seed: Seed = flag(0, "Decides which images are shown.")
    json: bool = flag(
        False, "Whether the last line of output is one JSON object."
    )


@dataclasses.dataclass(frozen=True)
class Mode:
    """What a mode is for and what it uses.

    Attributes:
        summary: what --help says.
        flags: names of the flags it uses, without --mode.
        keys: beginnings of the keys of the config that it uses; none where
            it uses no config.
        needs: flags without which there is nothing to do, with what follows
            the name of the flag in the message that says so.
        unused_keys: keys that begin so and are not used.
    """

    summary: str
    _: dataclasses.KW_ONLY
    flags: tuple[str, ...]
    keys: tuple[str, ...] = ()
    needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unused_keys: tuple[str, ...] = ()


TOWERS = ("tower_devices", "logical_cpus")
DATA = ("config", "data_dir", "download")
IMAGES = {"images": "=FILE, several files, or a folder with some"}
# Which images are held out where a source has no validation split.
HOLDOUT_KEYS = (
    *("data.holdout", "data.holdout_folds", "data.fold"),
    "train.seed",
)
SOURCE_KEYS = ("data.name", *HOLDOUT_KEYS)  # what `load_source` reads

MODES = {
    "train": Mode(
        "trains on the images that come with the program, or on --data_dir",
        flags=(
            *("run", "init", *DATA, *TOWERS, "workers"),
            *("mean_file", "trust_pickle", "watch"),
        ),
        keys=("data.", "model.", "init.", "train."),
    ),
    "evaluate": Mode(
        "errors of a run, or of several networks together",
        flags=(
            *("run", "runs", "coefficients", *DATA, *TOWERS),
            *("crops", "results_dir", "json"),
        ),
        keys=SOURCE_KEYS,
    ),
    "predict": Mode(
        "the most probable classes of images",
        flags=(
            "run",
            "runs",
            "images",
            *TOWERS,
            "submission",
            "synsets",
            "csv",
            "threshold",
            "explain",
            "json",
        ),
        needs=IMAGES,
    ),
    "export": Mode(
        "a run as SavedModel, ONNX, LiteRT or Keras file, or for PyTorch",
        flags=(
            *("run", "export_dir", "format", "precision", "quantize"),
            *("calibrate", "keep_versions", "data_dir", "download", *TOWERS),
        ),
    ),
    "serve": Mode(
        "answers REST requests with an exported model",
        flags=("export_dir", "models_config", "host", "port", "allow_origin"),
    ),
    "watch": Mode(
        "a page about a run, while it trains or afterwards",
        flags=("run", "port"),
        needs={"run": "=DIR"},
    ),
    "prepare": Mode(
        "any images as 256x256 records",
        flags=("prepared_dir", *DATA, "record_format", "max_rejected"),
        keys=("data.name",),
        needs={"prepared_dir": "=DIR"},
    ),
    "check": Mode(
        "what is wrong with images: copies, leaks, damage, imbalance",
        flags=(*DATA, "check_dir", "strict"),
        keys=(*SOURCE_KEYS, "data.limit"),
    ),
    "index": Mode(
        "the images of a run, to search among",
        flags=("run", *DATA, *TOWERS, "index_dir", "index_kind", "index_dtype"),
        keys=(*SOURCE_KEYS, "data.limit"),
    ),
    "codes": Mode(
        "short codes for the images of an index",
        flags=("run", "config", "index_dir", "index_kind", "codes"),
        keys=("retrieval.",),
        needs={"codes": "=BITS, a multiple of 8 such as 128"},
    ),
    "search": Mode(
        "the images of an index that are nearest to images",
        flags=(
            "run",
            "images",
            "index_dir",
            "codes",
            "neighbours",
            *TOWERS,
            "json",
        ),
        needs=IMAGES,
    ),
    "report": Mode(
        "one page about a run",
        flags=("run", *DATA, *TOWERS, "figure_seed", "json"),
        keys=(*SOURCE_KEYS, "data.limit"),
    ),
    "inspect": Mode(
        "the network, layer by layer, or where two recipes differ",
        flags=("run", *DATA, "against", *TOWERS, "json"),
        keys=(
            *("model.", "train.seed", "train.precision", "train.batch_size"),
            *("train.accumulate", "data.name"),
        ),
    ),
    "import_weights": Mode(
        "a run from another program's weights, such as Caffe's",
        flags=("weights", "run", *DATA, "mean_file", "trust_pickle"),
        keys=("data.", "model.", "train.seed"),
        needs={"weights": "=FILE"},
    ),
    "figure1": Mode(
        "ReLU against tanh, as figure 1 of the paper",
        flags=("run", *DATA, "json"),
        keys=("",),
        needs={"config": "=configs/figure1.py"},
    ),
    "ablate": Mode(
        "what each part of the network is worth",
        flags=("run", *DATA, *TOWERS, "seeds"),
        keys=("data.", "model.", "train."),
        unused_keys=("train.seed",),  # --seeds decides
    ),
    "cross_validate": Mode(
        "a recipe trained on all folds but one, for each of them",
        flags=("run", "init", *DATA, *TOWERS, "mean_file", "trust_pickle"),
        keys=("data.", "model.", "init.", "train."),
        unused_keys=("data.fold",),  # each of them in turn
    ),
}

NO_FLAG = "flags begin with --; images are for --mode=predict and search"
# (flag, another that it needs, the value which that has to have or None)
ONLY_WITH = (
    ("coefficients", "runs", None),
    ("synsets", "submission", None),
    ("threshold", "csv", None),
    ("calibrate", "format", "saved_model"),
    ("keep_versions", "format", "saved_model"),
)
# (flag, another that leaves nothing for it to do)
NOT_WITH = (
    ("run", "runs"),
    ("export_dir", "models_config"),
    ("submission", "csv"),
    ("explain", "runs"),
    ("explain", "submission"),
    ("json", "csv"),
    ("tower_devices", "against"),
    ("logical_cpus", "against"),
)


def flag_fields() -> list[dataclasses.Field]:
    """The fields of `Options` that are flags."""
    return [f for f in dataclasses.fields(Options) if "text" in f.metadata]


def flag_name(name: str) -> str:
    """The flag of a field; each --image adds one to the images."""
    return "image" if name == "images" else name


def written(name: str) -> str:
    """The flag of a field as one writes it."""
    return f"--{flag_name(name)}"


def check_usage(mode: str, options: Options, given: Collection[str]) -> None:
    """Refuses what the mode would ignore, and asks for what it needs.

    Args:
        mode: one of `MODES`.
        options: the values of all flags.
        given: fields whose flags stand on the command line.

    Raises:
        UserError: a flag, or a key of the config, has no meaning here, or a
            flag is absent that has to be there.
    """
    used = MODES[mode].flags
    for name in sorted(set(given) - set(used)):
        raise UserError(
            f"{written(name)} is not used by --mode={mode}, which uses "
            f"{', '.join(map(written, used))}"
        )
    for name in sorted(given):
        value = getattr(options, name)
        if value in ("", (), ("",)):  # as of an unset $NAME
            raise UserError(
                f"{written(name)} is empty: give a value, or leave it out"
            )
        if isinstance(value, tuple) and "" in value:
            raise UserError(
                f"{written(name)} has an empty value, number "
                f"{value.index('') + 1} of {len(value)}: leave it out, with "
                "its comma if there is one"
            )
    _check_keys(mode, options)
    for name, other, value in ONLY_WITH:
        found = getattr(options, other)
        if name in given and (found != value if value else not found):
            raise UserError(
                f"{written(name)} is only used with {written(other)}="
                f"{value or '...'}: leave it out, or add that"
            )
    for name, other in NOT_WITH:
        if name in given and other in given:
            raise UserError(
                f"{written(name)} is not used with {written(other)}: leave "
                "one of them out"
            )
    for name, form in MODES[mode].needs.items():
        if not getattr(options, "config_given" if name == "config" else name):
            raise UserError(f"--mode={mode} needs {written(name)}{form}")


def _check_keys(mode: str, options: Options) -> None:
    """Refuses --config.KEY=VALUE where the mode does not use the key."""
    keys, unused = MODES[mode].keys, MODES[mode].unused_keys
    if options.against is not None:
        keys = ("",)  # all are compared
    for key in options.overrides:
        if not key.startswith(keys) or key in unused:
            names = ", ".join(f"{k}*" if k.endswith(".") else k for k in keys)
            but = f" without {', '.join(unused)}" if unused else ""
            raise UserError(
                f"--config.{key} is not used by --mode={mode}, which uses of "
                f"the config {names or 'nothing'}{but}"
            )


def unexpected(words: list[str]) -> str:
    """What to say to words that belong to no flag.

    Args:
        words: what stands on the command line without --, in order.
    """
    near = difflib.get_close_matches(words[0], MODES, 1)
    hint = f"did you mean --mode={near[0]}?" if near else NO_FLAG
    return f"unexpected argument {words[0]}: {hint}"
