"""What a trained network is worth where there are few photographs.

    python -m benchmarks.few_photographs --init=RUN --data_dir=DIR --folder=OUT
        [--scratch=configs/imagenette.py] [--config=configs/finetune.py]
        [--counts=10,50,200] [--seeds=3]
        [--epochs=100,50,25] [--held_out=30] [--json]

Takes so many photographs of each class of DIR/train/, other ones for each
seed, and trains on them from random weights, with the first recipe; and with
the second one from the layers of RUN, of which conv1 to conv5 are frozen, or
all learn. As many others as --held_out says choose the best epoch; those in
DIR/val/, of which no training sees one, are the test, with the centre crop.

Writes OUT/few_photographs.json after each training, and OUT/few_photographs.png
at the end: means over the seeds, with the lowest and highest. A repeated
command goes on where the last one stopped, also with more seeds or counts;
OUT/conditions.json has what else the errors depend on, and another command is
refused. With --json the last line is the object in few_photographs.json.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np

from alexnet_tf.config import config_to_json
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, write_text
from alexnet_tf.files.figures import save_figure
from alexnet_tf.run.folder import Run, trained_run
from benchmarks import command_line

FROZEN = ("conv1", "conv2", "conv3", "conv4", "conv5")
SCRATCH = "from scratch"
METHODS = {
    SCRATCH: ("--config={scratch}",),
    "convolutions frozen": (
        "--init={init}",
        "--config={config}",
        f"--config.train.frozen={FROZEN}",
    ),
    "everything fine-tuned": ("--init={init}", "--config={config}"),
}


def main():
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--init", required=True, help="run to begin with")
    parser.add_argument("--data_dir", required=True, help="with train and val")
    parser.add_argument("--folder", required=True, help="for all that is made")
    parser.add_argument("--scratch", default="configs/imagenette.py")
    parser.add_argument("--config", default="configs/finetune.py")
    parser.add_argument(
        "--counts",
        type=command_line.counts,
        default="10,50,200",
        help="of a class",
    )
    parser.add_argument(
        "--epochs",
        type=command_line.counts,
        default="100,50,25",
        help="for each count",
    )
    parser.add_argument(
        "--seeds", type=command_line.count, default=3, help="how many"
    )
    parser.add_argument(
        "--held_out", type=command_line.count, default=30, help="of a class"
    )
    parser.add_argument("--json", action="store_true", help="last line JSON")
    options = parser.parse_args()
    counts, epochs = options.counts, options.epochs
    if len(counts) != len(epochs):
        parser.error("--counts and --epochs have to be as many")
    folder = pathlib.Path(options.folder)
    trained = trained_run(options.init)
    photographs = photographs_of(pathlib.Path(options.data_dir))
    check_enough(photographs, max(counts), options.held_out)
    recipes = [
        command_line.recipe(name) for name in (options.config, options.scratch)
    ]
    widths = trained.read_config().model.width, recipes[0].model.width
    if widths[0] != widths[1]:
        parser.error(
            f"{options.init} has a width of {widths[0]:g}, and {options.config}"
            f" of {widths[1]:g}: name a recipe of the same with --config"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "few_photographs.json"
    errors = json.loads(file.read_text()) if file.exists() else {}
    keep_conditions(folder, conditions(options, trained, recipes), bool(errors))
    for seed in range(options.seeds):
        for count, passes in zip(counts, epochs, strict=True):
            table = folder / f"{count}-{seed}.csv"
            write_list(table, photographs, (count, options.held_out), seed)
            for method, flags in METHODS.items():
                of_method = errors.setdefault(method, {})
                of_count = of_method.setdefault(str(count), {})
                if str(seed) in of_count:
                    continue
                run = folder / f"{method.replace(' ', '-')}-{count}-{seed}"
                flags = (*flags, *length(recipes[method == SCRATCH], passes))
                train(options, run, table, seed, flags)
                of_count[str(seed)] = test_error(options, run)
                write_text(file, json.dumps(errors, indent=2) + "\n")
                print(
                    f"{method}, {count} a class, seed {seed}: "
                    f"{of_count[str(seed)]:.1%}",
                    flush=True,
                )
    draw(errors, folder / "few_photographs.png")
    for method, of_method in errors.items():
        for count, of_count in of_method.items():
            found = list(of_count.values())
            print(
                f"{method}, {count} photographs of a class: "
                f"{statistics.fmean(found):.1%} top-1 error "
                f"({min(found):.1%} to {max(found):.1%})"
            )
    if options.json:
        print(json.dumps(errors))


def conditions(options, trained, recipes):
    """{flag: its value} of all that an error depends on.

    The recipes and RUN by what they hold, which may change under one name.
    """
    found = {
        "--init": trained.weights_sha256(),
        "--data_dir": str(pathlib.Path(options.data_dir).resolve()),
        "--held_out": options.held_out,
    }
    for flag, recipe in zip(("--config", "--scratch"), recipes, strict=True):
        found[flag] = json.loads(config_to_json(recipe))
    for count, epochs in zip(options.counts, options.epochs, strict=True):
        found[f"--epochs of {count} photographs"] = epochs
    return found


def keep_conditions(folder, found, has_errors):
    """Writes conditions.json, with what counts were trained before.

    Raises:
        UserError: the folder has errors of other conditions.
    """
    file = folder / "conditions.json"
    if has_errors and not file.exists():
        raise UserError(
            f"{folder} does not say what its errors were measured with: name "
            "another --folder"
        )
    with readable(file):
        before = json.loads(file.read_text()) if file.exists() else {}
    for key, value in found.items():
        if before.get(key, value) != value:
            raise UserError(
                f"{folder} was begun with another {key}: name another --folder"
            )
    write_text(file, json.dumps({**before, **found}, indent=2) + "\n")


def photographs_of(folder):
    """{class: its training photographs} of a folder with train/CLASS/.

    Raises:
        UserError: it has no class there.
    """
    classes = sorted(p for p in folder.glob("train/*") if p.is_dir())
    if not classes:
        raise UserError(
            f"--data_dir={folder} has no folders train/CLASS/ of photographs"
        )
    return {kind.name: sorted(kind.iterdir()) for kind in classes}


def check_enough(photographs, count, held_out):
    """Raises `UserError` where a class has too few photographs.

    A list of fewer would be trained on as if they were all that is asked for.
    """
    for name, files in photographs.items():
        if len(files) < count + held_out:
            raise UserError(
                f"class {name} has {len(files)} training photographs, and "
                f"{count} of --counts with {held_out} of --held_out are "
                f"{count + held_out}: lower one of them"
            )


def write_list(table, photographs, counts, seed):
    """Writes a training's list.

    Args:
        table: file.
        photographs: {class: files}.
        counts: of a class, to train on and to choose the best epoch by.
        seed: of the choice.
    """
    count, held_out = counts
    rows = [("image", "label", "split")]
    for name, files in photographs.items():
        order = np.random.default_rng([seed, count]).permutation(len(files))
        for rank, place in enumerate(order[: count + held_out]):
            split = "train" if rank < count else "val"
            rows.append((str(files[place].resolve()), name, split))
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def length(recipe, epochs):
    """Flags: so many epochs, and a drop behind four fifths of them.

    A recipe whose learning rate falls by a formula keeps that.
    """
    yield f"--config.train.epochs={epochs}"
    if recipe.train.lr_schedule.kind == "none":
        yield f"--config.train.lr_drop_epochs=({max(1, epochs * 4 // 5)},)"


def train(options, run, table, seed, flags):
    """Trains a run, or goes on with it."""
    of_run = [flag.format(**vars(options)) for flag in flags]
    if Run(run).exists:
        of_run = [flag for flag in of_run if not flag.startswith("--init=")]
    main_program(
        "--mode=train",
        f"--run={run}",
        *of_run,
        "--config.data.name=csv",
        f"--data_dir={table}",
        f"--config.train.seed={seed}",
        "--config.model.num_classes=0",
    )


def test_error(options, run):
    """Top-1 error of a run on the validation photographs, a fraction."""
    lines = main_program(
        "--mode=evaluate",
        f"--run={run}",
        "--config.data.name=folder",
        f"--data_dir={options.data_dir}",
        f"--results_dir={run}-test",
        "--crops=1",
        "--json",
    )
    return json.loads(lines[-1])["top1_error"]


def main_program(*flags):
    """Runs main.py; returns the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "main.py", *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"main.py {' '.join(flags)} failed:\n{done.stderr[-2000:]}")
    return done.stdout.splitlines()


def draw(errors, path):
    """Draws the errors over the number of photographs."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for method, of_method in errors.items():
        counts = sorted(map(int, of_method))
        found = [list(of_method[str(count)].values()) for count in counts]
        means = [100 * statistics.fmean(each) for each in found]
        below = [
            mean - 100 * min(each)
            for mean, each in zip(means, found, strict=True)
        ]
        above = [
            100 * max(each) - mean
            for mean, each in zip(means, found, strict=True)
        ]
        axes.errorbar(
            counts, means, (below, above), marker="o", capsize=3, label=method
        )
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(count) for count in counts], minor=False)
    axes.minorticks_off()
    axes.set_xlabel("photographs of a class")
    axes.set_ylabel("top-1 error, %")
    axes.set_ylim(bottom=0)
    axes.legend()
    save_figure(figure, path)


if __name__ == "__main__":
    command_line.run(main)
