"""AlexNet, the network of Krizhevsky, Sutskever and Hinton (2012).

    python main.py --mode=MODE [--FLAG=VALUE ...]

--help lists the modes with their flags, --helpfull the values of a recipe.
Every value can be set: --config=configs/paper.py --config.train.epochs=2
--config.data.name=folder --data_dir=IMAGES.
"""

import dataclasses
import functools
import importlib
import itertools
import os
import pathlib
import re
import signal
import sys
import typing
from typing import Any, NoReturn

# This comes before TensorFlow is imported by a mode: its start-up notes say
# nothing that a user could act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from absl import app, flags, logging
from ml_collections import config_flags

from alexnet_tf.config import check_values
from alexnet_tf.errors import BAD_INPUT, UserError, one_line
from alexnet_tf.files.text import printable
from alexnet_tf.options import (
    MODES,
    Options,
    check_usage,
    flag_fields,
    flag_name,
    unexpected,
)
from alexnet_tf.terminal.help import help_text, recipe_text
from alexnet_tf.terminal.quiet_start import (
    scikit_learn_hidden,
    start_up_notes_hidden,
)
from configs.paper import Recipe
from configs.ranges import fields, fits, in_words

DEFAULT_CONFIG = pathlib.Path(__file__).parent / "configs" / "demo.py"
WATCH_PORT = 8502  # beside that of --mode=serve
SHORT_HELP = {"-h", "-help", "--help", "--helpshort"}
FULL_HELP = {"-helpfull", "--helpfull"}
RECIPE_FLAGS = tuple(f.name for f in flag_fields() if f.metadata["recipe"])

# The command line as `parse_flags` arranges it: ml_collections looks there for
# the values that change a recipe.
ARGV: list[str] = []

at_home = os.path.expanduser

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "mode", "train", list(MODES), "What to do; train where it is left out."
)


def define_flag(field: dataclasses.Field) -> None:
    """Makes the flag of a field of `Options`."""
    name, default, kind = flag_name(field.name), field.default, field.type
    text = field.metadata["text"]
    assert default is not dataclasses.MISSING  # `flag` gives each one
    if field.metadata["recipe"]:
        config_flags.DEFINE_config_file(name, None, text, sys_argv=ARGV)
    elif isinstance(default, bool):
        flags.DEFINE_bool(name, default, text)
    elif isinstance(default, int | float):
        if isinstance(default, int):
            flags.DEFINE_integer(name, default, text)
        else:
            flags.DEFINE_float(name, default, text)
        flags.register_validator(
            name,
            functools.partial(fits, kind=kind),
            f"it has to be {in_words(kind)}",
        )
    elif isinstance(default, tuple):
        several = name != field.name
        define = flags.DEFINE_multi_string if several else flags.DEFINE_list
        define(name, [], text)
    elif typing.get_origin(kind) is typing.Literal:
        flags.DEFINE_enum(name, default, typing.get_args(kind), text)
    else:
        flags.DEFINE_string(name, default, text)


for _field in flag_fields():
    define_flag(_field)


def main(argv: list[str]) -> int:
    """Runs the mode that the flags choose; returns its exit code."""
    mode, words = FLAGS.mode, argv[1:]
    if words and "images" not in MODES[mode].flags:
        raise UserError(unexpected(words))
    options = options_of(words)
    check_usage(mode, options, given_fields(options))
    if MODES[mode].keys and mode != "figure1":
        check_values(options.config, Recipe)
    if options.workers > 1:
        return launch_workers(options)
    with start_up_notes_hidden(), scikit_learn_hidden():
        module = importlib.import_module(f"modes.{mode}")
    if options.logical_cpus > 1:
        split_cpu(options.logical_cpus)
    return module.main(options)


def options_of(words: list[str]) -> Options:
    """`Options` of the flags; `words` are images after the last flag."""
    values: dict[str, Any] = {
        field.name: value_of(field, FLAGS[flag_name(field.name)].value)
        for field in flag_fields()
    }
    values["images"] += tuple(map(at_home, words))
    recipe = config_flags.get_config_filename(FLAGS["config"])
    return Options(
        **values,
        config_given=recipe != str(DEFAULT_CONFIG),
        config_name=pathlib.Path(recipe).stem,
        overrides=config_flags.get_override_values(FLAGS["config"]),
    )


def value_of(field: dataclasses.Field, value: Any) -> Any:
    """A flag's value as the field has it; ~ is expanded in paths."""
    if isinstance(field.default, tuple):
        value = tuple(value)
    if not field.metadata["path"] or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(map(at_home, value))
    return at_home(value)


def given_fields(options: Options) -> set[str]:
    """Names of the fields whose flags stand on the command line."""
    given = {
        field.name
        for field in flag_fields()
        if FLAGS[flag_name(field.name)].present
    }
    return given if options.config_given else given - {"config"}


def launch_workers(options: Options) -> int:
    """Runs this command once more in each of --workers processes."""
    from alexnet_tf.run.folder import Run, new_run_path
    from alexnet_tf.workers.launch import launch

    run = options.run or new_run_path(options.config_name)
    return launch(
        options.workers,
        [sys.executable, *sys.argv, "--workers=1", f"--run={run}"],
        f"{Run(run).how_to_go_on} --workers={options.workers}",
    )


def split_cpu(count: int) -> None:
    """Makes `count` logical CPU devices; before TensorFlow uses any."""
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count
    )


def parse_flags(argv: list[str]) -> list[str]:
    """Parses the command line; mistakes become one line and exit code 2."""
    # absl knows no flag that may stand without its value.
    argv = [
        f"--watch={WATCH_PORT}" if word == "--watch" else with_home(word)
        for word in argv
    ]
    argv = [argv[0], *recipes_first(argv[1:])]
    if not any(a.split("=")[0].lstrip("-") == "config" for a in argv):
        # This is not the flag's default: absl would parse the overrides while
        # it defines the flag, too early to answer a mistake in one line.
        argv = [argv[0], f"--config={DEFAULT_CONFIG}", *argv[1:]]
    ARGV[:] = argv
    asked = {*argv[1:]} & (SHORT_HELP | FULL_HELP)
    try:
        remaining = FLAGS([word for word in argv if word not in asked])
        for flag in RECIPE_FLAGS:
            if not FLAGS[flag].present:
                continue
            recipe = config_flags.get_config_filename(FLAGS[flag])
            if recipe and not pathlib.Path(recipe).is_file():
                fail(f"--{flag}={recipe}: there is no such file")
    except SystemExit as stop:  # absl ends --helpxml with 1
        sys.exit(stop.code if stop.code == BAD_INPUT else 0)
    except (AttributeError, KeyError) as error:
        reason = re.sub(r"\\[n']|^\W+|'$", " ", str(error))
        fail(f"unknown key, in --config.KEY=VALUE or the recipe: {reason}")
    except flags.Error as error:
        fail(in_own_words(error))
    except Exception as error:  # whatever a recipe, which is code, raises
        if str(error).endswith(" does not take an argument"):  # --noFLAG=VALUE
            fail(error)
        fail(f"--config or --against: {type(error).__name__}: {error}")
    if asked:
        mode = FLAGS.mode if FLAGS["mode"].present else None
        print(f"{__doc__}\n{help_text(mode)}")
        if asked & FULL_HELP:
            print(f"\n{recipe_text(FLAGS.config)}")
        sys.exit(0)
    return remaining


def recipes_first(words: list[str]) -> list[str]:
    """Words with --config=FILE in front of --config.KEY=VALUE.

    Whichever way round a person writes them; ml_collections knows one alone.
    """
    recipes: list[str] = []
    others: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            return [*recipes, *others, word, *left]
        flag, separator, _ = word.partition("=")
        is_recipe = word[:1] == "-" and flag.lstrip("-") in RECIPE_FLAGS
        of_word = recipes if is_recipe else others
        of_word.append(word)
        if is_recipe and not separator:
            recipes += [*itertools.islice(left, 1)]
    return recipes + others


def in_own_words(error: Exception) -> str:
    """What a flag has to be, in place of what absl says of its value."""
    kinds = {flag_name(field.name): field.type for field in flag_fields()}
    kinds |= {f"config.{key}": kind for key, kind, _ in fields(Recipe)}
    kinds["mode"] = typing.Literal[tuple(MODES)]
    given = str(error).removesuffix(f": {error.__context__}")
    kind = kinds.get(given.removeprefix("flag --").partition("=")[0])
    if kind is None or given == str(error):
        return str(error).removeprefix("flag ")
    return f"{given.removeprefix('flag ')}: it has to be {in_words(kind)}"


def with_home(word: str) -> str:
    """--config=~/recipe.py with the home folder, which the shell leaves."""
    flag, separator, path = word.partition("=")
    if flag.lstrip("-") in RECIPE_FLAGS:
        return f"{flag}{separator}{at_home(path)}"
    return word


def fail(reason: object) -> NoReturn:
    """Prints the reason as one line and exits with 2."""
    print(f"main.py: {printable(one_line(reason))}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def run_main(argv: list[str]) -> int:
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
