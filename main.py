"""AlexNet, the network of Krizhevsky, Sutskever and Hinton (2012).

    python main.py --mode=train                      train on shipped images
    python main.py --mode=evaluate                   errors of the last run
    python main.py --mode=predict --image=FILE ...   classes of images
    python main.py --mode=export                     the last run as SavedModel
    python main.py --mode=serve                      answers REST requests
    python main.py --mode=prepare --prepared_dir=DIR images as 256x256 records
    python main.py --mode=index                      images to search among
    python main.py --mode=codes --codes=128          short codes for them
    python main.py --mode=search --image=FILE ...    those nearest to images
    python main.py --mode=report                     one page about a run
    python main.py --mode=inspect                    the network, layer by layer
    python main.py --mode=import_weights --weights=FILE   e.g. Caffe's weights
    python main.py --mode=figure1                    ReLU against tanh
    python main.py --mode=ablate                     worth of each part

Every value of a recipe can be set: --config=configs/paper.py
--config.train.epochs=2 --config.data.name=folder --data_dir=IMAGES.
"""

import importlib
import os
import pathlib
import re
import signal
import sys

# Before TensorFlow is imported by a mode: its start-up notes say nothing that
# a user could act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from absl import app, flags, logging
from ml_collections import config_flags

from alexnet_tf.errors import BAD_INPUT, UserError, one_line
from alexnet_tf.options import Options
from alexnet_tf.terminal.quiet_start import start_up_notes_hidden

MODES = (
    "train",
    "evaluate",
    "predict",
    "export",
    "serve",
    "prepare",
    "index",
    "codes",
    "search",
    "report",
    "inspect",
    "import_weights",
    "figure1",
    "ablate",
)
DEFAULT_CONFIG = pathlib.Path(__file__).parent / "configs" / "demo.py"

FLAGS = flags.FLAGS
flags.DEFINE_enum("mode", "train", MODES, "What to do.")
config_flags.DEFINE_config_file(
    "config",
    None,
    "Recipe: a Python file whose get_config() returns the values. Default: "
    "configs/demo.py, or what the run was trained with.",
)
config_flags.DEFINE_config_file(
    "against",
    None,
    "Another recipe: --mode=inspect prints where --config differs from it.",
)
flags.DEFINE_string(
    "run",
    None,
    "Run folder: made if absent, continued if it holds a run. Default: a new "
    "one under runs/ for training, the newest one there otherwise.",
)
flags.DEFINE_list(
    "runs",
    [],
    "Run folders and exported models, separated by commas, for "
    "--mode=evaluate and --mode=predict: their probabilities are averaged.",
)
flags.DEFINE_string("data_dir", None, "Folder of the images or TFDS data.")
flags.DEFINE_bool("download", False, "Whether TFDS may download.")
flags.DEFINE_string(
    "tower_devices",
    "auto",
    "Where the towers run: auto (two GPUs where there are two), none, or two "
    "devices such as GPU:0,GPU:1.",
)
flags.DEFINE_integer(
    "logical_cpus",
    1,
    "Splits the CPU into so many devices CPU:0, CPU:1, ..., to try "
    "--tower_devices without GPUs.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "workers",
    1,
    "Processes of this machine that train together, each with its own towers.",
    lower_bound=1,
)
flags.DEFINE_enum(
    "crops", "10", ["1", "10"], "Views of an image that are averaged."
)
flags.DEFINE_multi_string(
    "image",
    [],
    "Image file for --mode=predict or search; more may follow it.",
)
flags.DEFINE_string(
    "results_dir",
    None,
    "Where --mode=evaluate --runs=... writes results.md and results.csv.",
)
flags.DEFINE_string(
    "submission",
    None,
    "File that --mode=predict writes as ILSVRC takes it: a line per image, "
    "the numbers of its five most probable classes, best first.",
)
flags.DEFINE_string(
    "synsets",
    None,
    "File with the class of number 1 on its first line, and so on, as WordNet "
    "id or name, for --submission. Default: the label order.",
)
flags.DEFINE_string(
    "export_dir",
    "exports/alexnet",
    "Base folder of the model: --mode=export writes <version>/ into it, as TF "
    "Serving reads it.",
)
flags.DEFINE_enum(
    "format",
    "saved_model",
    ["saved_model", "onnx", "safetensors", "pytorch"],
    "What --mode=export writes: a SavedModel for TF Serving, an ONNX file, or "
    "weights for PyTorch.",
)
flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "What the SavedModel of --mode=export computes in and stores its weights "
    "as. bfloat16: half the size, and faster where the processor has AVX-512 "
    "BF16 or AMX.",
)
flags.DEFINE_integer(
    "keep_versions",
    0,
    "Versions to keep under --export_dir, the newest; 0 keeps all.",
    lower_bound=0,
)
flags.DEFINE_string(
    "models_config",
    None,
    "Models that --mode=serve offers, in TF Serving's text format; without it "
    "the model under --export_dir.",
)
flags.DEFINE_string("host", "127.0.0.1", "Address --mode=serve listens on.")
flags.DEFINE_integer(
    "port",
    8501,
    "Port --mode=serve listens on; 0 takes a free one.",
    lower_bound=0,
    upper_bound=65535,
)
flags.DEFINE_string(
    "prepared_dir", None, "Where --mode=prepare writes 256x256 records."
)
flags.DEFINE_enum(
    "record_format",
    "jpeg",
    ["jpeg", "raw"],
    "Records of --mode=prepare: JPEG of quality 95, or pixels as they are.",
)
flags.DEFINE_float(
    "max_rejected",
    0.001,
    "Share of images that --mode=prepare may leave out before it stops.",
    lower_bound=0,
    upper_bound=1,
)
flags.DEFINE_string(
    "weights",
    None,
    "File that --mode=import_weights reads: .caffemodel, .npy, .onnx, "
    ".safetensors, .pt or a checkpoint of cuda-convnet.",
)
flags.DEFINE_bool(
    "trust_pickle",
    False,
    "Whether --weights may be a Python pickle, which can carry programs.",
)
flags.DEFINE_string(
    "mean_file",
    None,
    "Caffe's mean image for --mode=import_weights: .binaryproto or .npy.",
)
flags.DEFINE_string(
    "index_dir",
    None,
    "Index of --mode=index, codes and search. Default: index/ of the run.",
)
flags.DEFINE_enum(
    "index_kind",
    "flat",
    ["flat", "hnsw", "ivf", "ivf4"],
    "How --mode=search will look for neighbours: flat is exact, the others "
    "are for large sets; for --mode=index, and all but ivf4 for codes.",
)
flags.DEFINE_enum(
    "index_dtype",
    "float32",
    ["float32", "float16"],
    "Precision of the vectors that --mode=index stores.",
)
flags.DEFINE_integer(
    "codes",
    0,
    "Bits of the binary codes that --mode=codes makes and --mode=search "
    "compares, such as 128; 0 compares the vectors themselves.",
    lower_bound=0,
)
flags.DEFINE_integer(
    "neighbours", 6, "Images that --mode=search finds.", lower_bound=1
)
flags.DEFINE_integer(
    "seeds", 3, "Runs of each network of --mode=ablate.", lower_bound=1
)
flags.DEFINE_integer(
    "figure_seed",
    0,
    "Decides which images --mode=report shows.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)
flags.DEFINE_bool(
    "json", False, "Whether the last line of output is one JSON object."
)


def main(argv):
    """Runs the mode that the flags choose; returns its exit code."""
    images = (*FLAGS.image, *argv[1:])
    if argv[1:] and FLAGS.mode not in ("predict", "search"):
        raise UserError(f"unexpected argument {argv[1]}: flags begin with --")
    given = config_flags.get_config_filename(FLAGS["config"])
    options = Options(
        config=FLAGS.config,
        config_given=given != str(DEFAULT_CONFIG),
        config_name=pathlib.Path(given).stem,
        overrides=config_flags.get_override_values(FLAGS["config"]),
        against=FLAGS.against,
        run=FLAGS.run,
        runs=tuple(FLAGS.runs),
        data_dir=FLAGS.data_dir,
        download=FLAGS.download,
        tower_devices=FLAGS.tower_devices,
        crops=int(FLAGS.crops),
        images=images,
        results_dir=FLAGS.results_dir,
        submission=FLAGS.submission,
        synsets=FLAGS.synsets,
        export_dir=FLAGS.export_dir,
        format=FLAGS.format,
        precision=FLAGS.precision,
        keep_versions=FLAGS.keep_versions,
        models_config=FLAGS.models_config,
        host=FLAGS.host,
        port=FLAGS.port,
        prepared_dir=FLAGS.prepared_dir,
        record_format=FLAGS.record_format,
        max_rejected=FLAGS.max_rejected,
        weights=FLAGS.weights,
        trust_pickle=FLAGS.trust_pickle,
        mean_file=FLAGS.mean_file,
        index_dir=FLAGS.index_dir,
        index_kind=FLAGS.index_kind,
        index_dtype=FLAGS.index_dtype,
        codes=FLAGS.codes,
        neighbours=FLAGS.neighbours,
        seeds=FLAGS.seeds,
        figure_seed=FLAGS.figure_seed,
        json=FLAGS.json,
    )
    if FLAGS.workers > 1:
        return launch_workers(options)
    with start_up_notes_hidden():
        mode = importlib.import_module(f"modes.{FLAGS.mode}")
    if FLAGS.logical_cpus > 1:
        split_cpu(FLAGS.logical_cpus)
    return mode.main(options)


def launch_workers(options):
    """Runs this command once more in each of --workers processes."""
    from alexnet_tf.run.folder import Run, new_run_path
    from alexnet_tf.workers.launch import launch

    if FLAGS.mode != "train":
        raise UserError(f"--workers is for --mode=train, not {FLAGS.mode}")
    run = options.run or new_run_path(options.config_name)
    return launch(
        FLAGS.workers,
        [sys.executable, *sys.argv, "--workers=1", f"--run={run}"],
        f"{Run(run).how_to_go_on} --workers={FLAGS.workers}",
    )


def split_cpu(count):
    """Makes `count` logical CPU devices; before TensorFlow uses any."""
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count
    )


def parse_flags(argv):
    """Parses the command line; mistakes become one line and exit code 2."""
    if not any(a.split("=")[0].lstrip("-") == "config" for a in argv):
        # Not the flag's default: absl would parse the overrides while it
        # defines the flag, too early to answer a mistake in one line.
        argv = [argv[0], f"--config={DEFAULT_CONFIG}", *argv[1:]]
    try:
        remaining = FLAGS(argv)
        for flag in ("config", "against"):
            if not FLAGS[flag].present:
                continue
            recipe = config_flags.get_config_filename(FLAGS[flag])
            if recipe and not pathlib.Path(recipe).is_file():
                fail(f"--{flag}={recipe}: there is no such file")
        return remaining
    except SystemExit as stop:  # absl ends --help with 1
        sys.exit(stop.code if stop.code == BAD_INPUT else 0)
    except (AttributeError, KeyError) as error:
        reason = re.sub(r"\\[n']|^\W+|'$", " ", str(error))
        fail(f"unknown key, in --config.KEY=VALUE or the recipe: {reason}")
    except flags.Error as error:
        fail(error)
    except Exception as error:  # whatever a recipe, which is code, raises
        fail(f"--config or --against: {type(error).__name__}: {error}")


def fail(reason):
    """Prints the reason as one line and exits with 2."""
    print(f"main.py: {one_line(reason)}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def run_main(argv):
    """`main`, with what a user can mend told in one line."""
    logging.set_verbosity(logging.ERROR)  # TFDS tells of every step
    try:
        code = main(argv)
        sys.stdout.flush()
        return code
    except UserError as error:
        fail(error)
    except BrokenPipeError:  # what read the output, such as `head`, is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print("main.py: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    app.run(run_main, flags_parser=parse_flags)
