"""What the settings of configs/photos.py are worth, on sets of several sizes.

    python -m benchmarks.photos --data_dir=DIR --work=WORK [--seed=0]
        [--results=docs/results/photos/quarter_width.json]
        [--only=SET/SETTINGS ...] [--width=0.25]

Photographs of TFDS's imagenette/160px-v2, its training split: 20 of each class
choose the best epoch, the others are trained on, or the first 10, 50 or 200 of
each class; "200 long" has four times the epochs of "200". Of two sets the
smallest class has a twentieth of the largest: "uneven" has 200 images of five
classes and 10 of the five others, "tail" from 400 to 20, each class 0.717 of
the one before. The test is on the whole validation split, with ten crops.
Networks are narrow: the figures compare settings, and are not those of a full
network.

Trains what has no result yet, in the order of `PLAN`; stopped and started
again it goes on. Results are in the folders of the runs, and all of them
together in --results.
"""

import argparse
import dataclasses
import json
import pathlib
import time

import keras
import numpy as np

from alexnet_tf.data.records import Records
from alexnet_tf.data.sources.image_list import load_list
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.by_class import balanced_accuracy, counts_of
from alexnet_tf.evaluation.evaluate import evaluate
from alexnet_tf.files.atomic import write_text
from alexnet_tf.files.csv import csv_text
from alexnet_tf.files.text import markdown_table
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from benchmarks import command_line
from configs import imagenette, photos
from configs.imagenette_small import narrow
from modes.training import train

SET = "imagenette/160px-v2"
VALIDATED = 20  # of each class
MEASURED = "measured.json"  # in the folder of a run
CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Images:
    """A set that is trained on.

    Attributes:
        most: images of each class, at most; None: all.
        epochs: of a training.
    """

    most: tuple[int | None, ...]
    epochs: int


COSINE = ("train.lr_drop_epochs", "train.lr_schedule")
WARM_UP = ("train.warmup_epochs", "train.lr")
SETS = {
    "10": Images((10,) * CLASSES, 150),
    "50": Images((50,) * CLASSES, 40),
    "200": Images((200,) * CLASSES, 24),
    "200 long": Images((200,) * CLASSES, 96),
    "uneven": Images((200, 10) * (CLASSES // 2), 36),
    "tail": Images(
        tuple(round(400 * 20 ** (-n / (CLASSES - 1))) for n in range(CLASSES)),
        30,
    ),
    "all": Images((None,) * CLASSES, 8),
}
PLAIN = "plain"  # of configs/imagenette.py
# Which values are those of configs/photos.py, or are given here.
PHOTOS = (
    *("data.crop_scale", *COSINE, *WARM_UP),
    *("train.weight_average", "train.label_smoothing"),
)
SETTINGS = {
    PLAIN: {},
    "crops": {"data.crop_scale": None},
    "cosine": dict.fromkeys(COSINE),
    "cosine and warm-up": dict.fromkeys((*COSINE, *WARM_UP)),
    "average": {"train.weight_average": None},
    "smoothing": {"train.label_smoothing": None},
    "photos": dict.fromkeys(PHOTOS),
    "photos, class weights": {
        **dict.fromkeys(PHOTOS),
        "train.class_weights": "balanced",
    },
    "photos, balanced sampling": {
        **dict.fromkeys(PHOTOS),
        "data.sampling": "balanced",
    },
}
UNEVEN = ("uneven", "tail")
PLAN = (
    *((name, settings) for name in SETS for settings in (PLAIN, "photos")),
    *((name, settings) for name in UNEVEN for settings in list(SETTINGS)[-2:]),
    *(("200", settings) for settings in list(SETTINGS)[1:-3]),
)


def config_of(name, settings, width, seed):
    """The config of a training.

    Args:
        name: of `SETS`.
        settings: of `SETTINGS`.
        width: of the network.
        seed: of the training.
    """
    config = imagenette.get_config()
    narrow(config, width)
    epochs = SETS[name].epochs
    config.data.name = "csv"
    config.model.num_classes = 0
    config.train.epochs = epochs
    # imagenette's drops, after 28 and 32 of its 34 epochs.
    config.train.lr_drop_epochs = tuple(
        round(epochs * drop / 34) for drop in (28, 32)
    )
    config.train.precision = "float32"
    config.train.save_every_minutes = 3.0
    recipe = photos.get_config()
    config.train.seed = seed
    for key, value in SETTINGS[settings].items():
        section, name = key.split(".")
        config[section][name] = (
            recipe[section][name] if value is None else value
        )
    return config


def run_name(name, settings, seed):
    """The name of a training's folder."""
    return f"{name} {settings} {seed}".replace(",", "").replace(" ", "-")


def write_lists(data_dir, work):
    """Writes the photographs as files, and a list for each set.

    Raises:
        UserError: TFDS has none in `data_dir`.
    """
    import tensorflow_datasets as tfds

    done = work / "test.csv"
    if done.exists():
        return
    builder = tfds.builder(SET, data_dir=data_dir)
    decoders = {"image": tfds.decode.SkipDecoding()}
    found = {}
    for split in ("train", "validation"):
        files = found[split] = {}
        try:
            examples = builder.as_dataset(split=split, decoders=decoders)
        except AssertionError:  # as TFDS tells of it
            raise UserError(
                f"--data_dir={data_dir} holds no {SET} that TFDS prepared: "
                "main.py --mode=check --download "
                f"--config.data.name={SET} --data_dir={data_dir} does"
            ) from None
        for number, example in enumerate(examples.as_numpy_iterator()):
            label = f"class-{example['label']}"
            file = work / split / label / f"{number:05}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(example["image"])
            files.setdefault(label, []).append(file.relative_to(work))
    random = np.random.default_rng(0)
    for files in found.values():
        for label in sorted(files):
            random.shuffle(files[label])
    for name, images in SETS.items():
        rows = [("image", "label", "split")]
        for number, (label, files) in enumerate(sorted(found["train"].items())):
            own = files[VALIDATED:][: images.most[number]]
            rows += [(file, label, "train") for file in own]
            rows += [(file, label, "val") for file in files[:VALIDATED]]
        write_text(work / f"{name}.csv", csv_text(rows))
    rows = [("image", "label")]
    for label, files in sorted(found["validation"].items()):
        rows += [(file, label) for file in files]
    write_text(done, csv_text(rows))


def measure(name, settings, work, width, seed):
    """Trains and tests; returns what was measured, None where it stopped."""
    run = Run(work / "runs" / run_name(name, settings, seed))
    config = config_of(name, settings, width, seed)
    begin = time.monotonic()
    code = train(
        Options(
            config=config,
            config_given=not run.exists,
            run=str(run.path),
            data_dir=str(work / f"{name}.csv"),
        )
    )
    if code or not run.is_finished:
        return None
    trained = load_trained(run)
    source = load_list(work / "test.csv", known=trained.class_names)
    assert source.validation  # the list's split of that name
    records = Records(source, source.validation, cache_gb=0)
    found = evaluate(trained.network, records, trained.crop, crops=10)
    keras.backend.clear_session()
    training = load_list(work / f"{name}.csv").train.size
    return {
        "set": name,
        "settings": settings,
        "width": width,
        "seed": seed,
        "training_images": training,
        "epochs": config.train.epochs,
        "test_images": len(found.labels),
        "top1_error": found.error(1),
        "top1_interval": found.interval(1),
        "balanced_accuracy": balanced_accuracy(*counts_of(found.confusion())),
        "seconds_of_last_start": round(time.monotonic() - begin),
    }


def table(results):
    """A Markdown table of top-1 errors, means of the seeds and their range.

    A column for each set, a row for each settings.
    """
    names = [n for n in SETS if any(r["set"] == n for r in results)]
    rows = [["settings", *names]]
    for settings in SETTINGS:
        cells = []
        for name in names:
            errors = [
                100 * r["top1_error"]
                for r in results
                if (r["set"], r["settings"]) == (name, settings)
            ]
            cell = f"{np.mean(errors):.1f}" if errors else ""
            if len(errors) > 1:
                cell += f" ({min(errors):.1f} to {max(errors):.1f})"
            cells.append(cell)
        if any(cells):
            rows.append([settings, *cells])
    return markdown_table(rows)


def main():
    """Trains what is left, and writes the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data_dir", required=True, help="of TFDS")
    parser.add_argument("--work", required=True, help="folder of images, runs")
    parser.add_argument(
        "--results", default="docs/results/photos/quarter_width.json"
    )
    parser.add_argument("--only", nargs="*", default=(), help="SET/SETTINGS")
    parser.add_argument("--width", type=command_line.positive, default=0.25)
    parser.add_argument("--seed", type=command_line.seed, default=0)
    arguments = parser.parse_args()
    known = [f"{name}/{settings}" for name in SETS for settings in SETTINGS]
    if unknown := [name for name in arguments.only if name not in known]:
        parser.error(
            f"--only={unknown[0]}: it has to be one of {', '.join(SETS)}, then "
            f"/ and one of {', '.join(SETTINGS)}"
        )
    work = pathlib.Path(arguments.work)
    write_lists(arguments.data_dir, work)
    plan = [tuple(name.split("/")) for name in arguments.only] or PLAN
    for name, settings in plan:
        folder = work / "runs" / run_name(name, settings, arguments.seed)
        if (folder / MEASURED).exists():
            continue
        found = measure(
            name, settings, work, width=arguments.width, seed=arguments.seed
        )
        if found is None:
            break
        write_text(folder / MEASURED, json.dumps(found, indent=2) + "\n")
        print(json.dumps(found), flush=True)
    files = sorted((work / "runs").glob(f"*/{MEASURED}"))
    results = [json.loads(file.read_text()) for file in files]
    file = pathlib.Path(arguments.results)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(results, indent=2) + "\n")
    print(table(results), end="")


if __name__ == "__main__":
    command_line.run(main)
