"""--mode=report: what a run is and has learned, on one page."""

import json
import math
import pathlib
import sys

from alexnet_tf.analysis.feature_maps import feature_maps
from alexnet_tf.analysis.grad_cam import Evidence
from alexnet_tf.analysis.kernels import (
    conv1_kernels,
    draw_kernels,
    grey_part,
    trained_on_grey,
)
from alexnet_tf.analysis.mistake_gallery import (
    shown_label_errors,
    shown_mistakes,
)
from alexnet_tf.analysis.neighbours import draw_neighbours, nearest_records
from alexnet_tf.analysis.occlusion import occlusion_sensitivity
from alexnet_tf.analysis.predictions import draw_predictions, predict_examples
from alexnet_tf.analysis.sample_images import (
    chosen_records,
    examples_of,
    named_images,
)
from alexnet_tf.data.augment import centre_crop
from alexnet_tf.data.image_set import Source
from alexnet_tf.data.records import Records
from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.outcome import (
    evaluate_and_report,
    outcome_of_best_weights,
)
from alexnet_tf.evaluation.tables import Outcome, read_confusion
from alexnet_tf.files.atomic import writable, write_text
from alexnet_tf.options import Options
from alexnet_tf.report.page import Section, page
from alexnet_tf.report.pictures import (
    feature_maps_section,
    kernels_section,
    label_errors_section,
    mistakes_section,
    neighbours_section,
    occlusion_section,
    predictions_section,
)
from alexnet_tf.report.recipe import config_section, origin_section
from alexnet_tf.report.results import (
    calibration_section,
    classes_section,
    confusion_section,
    coverage_section,
    results_section,
)
from alexnet_tf.report.summary import introduction
from alexnet_tf.report.training import curves_section
from alexnet_tf.retrieval.fc7 import Fc7
from alexnet_tf.run.ancestry import ancestry
from alexnet_tf.run.folder import Run, trained_run
from alexnet_tf.run.progress import read_rows
from alexnet_tf.run.provenance import machine, read_starts
from alexnet_tf.run.trained import TrainedNetwork, load_trained
from modes.setup import check_same_classes, config_for, open_source

TEST_IMAGES = 8  # figure 4, left
QUERIES = 5  # figure 4, right
NEIGHBOURS = 6
MOST_SEARCHED = 10_000  # training images; more would take minutes on a CPU
OCCLUDED = 3
SHOWN_MISTAKES = 24
SHOWN_LABEL_ERRORS = 12


def main(options: Options) -> int:
    """Writes report.html and figures into a run; returns the exit code."""
    run = trained_run(options.run)
    trained = load_trained(run, options.tower_devices)
    figures = [run.figures_folder / "kernels.png"]
    kernels = conv1_kernels(
        trained.network, run.read_config().model.get("channel_order", "rgb")
    )
    is_grey = trained_on_grey(trained.network)
    with writable(f"run folder {run.path}"):
        run.figures_folder.mkdir(exist_ok=True)
        draw_kernels(
            figures[0],
            [grey_part(tower) for tower in kernels] if is_grey else kernels,
        )
    left_out, outcome = None, outcome_of_best_weights(run)
    try:
        source = source_of(run, options)
        if outcome is None:
            outcome = evaluate_centre_crops(run, trained, source)
        mistakes = mistake_sections(run, outcome, trained, source)
        pictures, drawn = picture_sections(
            run, trained, source, options.figure_seed
        )
        pictures = mistakes + pictures
        figures += drawn
    except UserError as error:
        left_out = str(error)
        pictures = []
        print(
            f"main.py: sections that need images are left out: {left_out}",
            file=sys.stderr,
        )
    sections = [
        *number_sections(run, outcome, trained.class_names),
        kernels_section(kernels, is_grey),
        *pictures,
        *origin_sections(run),
    ]
    write_report(
        run,
        trained,
        outcome=outcome,
        sections=sections,
        left_out=left_out,
    )
    print(f"{run.report_file}: {len(sections)} sections")
    if options.json:
        written = {
            "run": str(run.path),
            "report": str(run.report_file),
            "bytes": run.report_file.stat().st_size,
            "sections": [section.key for section in sections],
            "figures": [str(figure) for figure in figures],
            "left_out": left_out,
        }
        print(json.dumps(written))
    return 0


def source_of(run: Run, options: Options) -> Source:
    """The images of a run.

    Raises:
        UserError: they are gone, or others than the run was trained on.
    """
    source = open_source(config_for(options, run), options, run)
    check_same_classes(run, source)
    return source


def evaluate_centre_crops(
    run: Run, trained: TrainedNetwork, source: Source
) -> Outcome:
    """What --mode=evaluate --crops=1 does."""
    assert source.validation  # images are held out where there is none
    validation = Records(source, source.validation, cache_gb=0)
    return evaluate_and_report(
        run, trained.network, trained.crop, source, validation, crops=1
    )


def mistake_sections(
    run: Run, outcome: Outcome, trained: TrainedNetwork, source: Source
) -> list[Section]:
    """Mistakes and probable label errors of evaluation.json, with pictures.

    None where an earlier version of the program wrote it, which is said.

    Raises:
        UserError: the images cannot be read.
    """
    if outcome.mistakes is None or outcome.label_errors is None:
        print(
            f"{run.evaluation_file} was written by an earlier version and "
            "lists no mistakes: --mode=evaluate writes it anew"
        )
        return []
    assert source.validation  # images are held out where there is none
    wrong = outcome.mistakes[:SHOWN_MISTAKES]
    suspects = outcome.label_errors[:SHOWN_LABEL_ERRORS]
    records = named_images(
        source,
        source.validation,
        {found.image for found in (*wrong, *suspects)},
    )
    evidence = Evidence(trained.network, trained.crop)
    return [
        mistakes_section(
            shown_mistakes(wrong, records, trained.class_names, evidence),
            round(outcome.top1_error * outcome.samples),
            evidence.layer,
        ),
        label_errors_section(
            shown_label_errors(suspects, records),
            outcome.probable_label_errors or 0,
            outcome.samples,
        ),
    ]


def picture_sections(
    run: Run, trained: TrainedNetwork, source: Source, seed: int
) -> tuple[list[Section], list[pathlib.Path]]:
    """The sections that need images, and the figures drawn for them.

    Args:
        run: the `Run` whose figures folder they go to.
        trained: its `TrainedNetwork`.
        source: the `Source` of its images.
        seed: integer; decides which images are shown.

    Returns:
        (`Section`s, paths of PNG files).

    Raises:
        UserError: the images cannot be read, or the figures written.
    """
    network, crop = trained.network, trained.crop
    names, validation = trained.class_names, source.validation
    assert validation  # images are held out where there is none
    shown = examples_of(chosen_records(source, validation, TEST_IMAGES, seed))
    # Another seed gives other images than those that are shown already.
    queries = examples_of(chosen_records(source, validation, QUERIES, seed + 1))
    searched = chosen_records(source, source.train, MOST_SEARCHED, seed)

    predictions = predict_examples(network, shown, crop)
    neighbours = nearest_records(
        Fc7(network, crop),
        [query["image"] for query in queries],
        searched,
        NEIGHBOURS,
    )
    seen = centre_crop(shown[0]["image"], crop)
    occlusions = [
        occlusion_sensitivity(network, e["image"], e["label"], crop)
        for e in shown[:OCCLUDED]
    ]
    predictions_file = run.figures_folder / "predictions.png"
    neighbours_file = run.figures_folder / "neighbours.png"
    with writable(f"run folder {run.path}"):
        draw_predictions(predictions_file, predictions, names)
        draw_neighbours(neighbours_file, queries, neighbours, names)
    sections = [
        predictions_section(predictions, names, validation.name_of),
        neighbours_section(
            queries, neighbours, names, searched.size, source.train.size
        ),
        feature_maps_section(
            seen, names[shown[0]["label"]], feature_maps(network, seen)
        ),
        occlusion_section(
            occlusions, [names[e["label"]] for e in shown[:OCCLUDED]]
        ),
    ]
    return sections, [predictions_file, neighbours_file]


def number_sections(
    run: Run, outcome: Outcome | None, class_names: tuple[str, ...]
) -> list[Section]:
    """What evaluation.json, the tables beside it and history.csv hold."""
    rows = history_of(run)
    sections = [
        results_section(
            outcome,
            rows,
            class_names,
            run.read_config().train.monitor,
        )
    ]
    if rows:
        sections.append(curves_section(rows, len(class_names)))
    if outcome and run.confusion_file.is_file():
        confusion, names = read_confusion(run.confusion_file)
        sections += [
            classes_section(confusion, names),
            confusion_section(confusion, names),
        ]
    if outcome and outcome.reliability:
        sections.append(calibration_section(outcome, outcome.reliability))
    if outcome and outcome.coverage:
        sections.append(coverage_section(outcome.coverage))
    return sections


def origin_sections(run: Run) -> list[Section]:
    """What the run was made with."""
    starts = read_starts(run.starts_file)
    return [
        config_section(run.read_config()),
        origin_section(
            run, run.read_dataset(), starts, machine(), ancestry(run)
        ),
    ]


def write_report(
    run: Run,
    trained: TrainedNetwork,
    *,
    outcome: Outcome | None,
    sections: list[Section],
    left_out: str | None,
) -> None:
    """Writes report.html."""
    parameters = sum(
        math.prod(weight.shape) for weight in trained.network.trainable_weights
    )
    text = page(
        f"AlexNet, run {run.path.resolve().name}",
        introduction(
            outcome,
            history_of(run),
            run.read_dataset(),
            parameters,
            left_out,
            run.read_config().train.monitor,
        ),
        sections,
    )
    with writable(f"run folder {run.path}"):
        write_text(run.report_file, text)


def history_of(run: Run) -> list[dict[str, float]]:
    """The rows of history.csv; none where nothing was trained here."""
    return read_rows(run.history_file) if run.history_file.is_file() else []
