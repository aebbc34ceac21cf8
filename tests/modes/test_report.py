"""The report of a run: complete in itself, whatever the names are."""

import html.parser
import json
import pathlib
import re
import shlex
import shutil
import sys

import pytest

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.outcome import outcome_of_best_weights
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from modes import report, train

VOID = ("img", "meta")
ALWAYS = [
    *("results", "curves", "classes", "confusion", "calibration"),
    *("coverage", "kernels"),
    *("config", "origin"),
]
WITH_IMAGES = [
    *("mistakes", "label_errors"),
    *("predictions", "neighbours", "maps", "occlusion"),
]
NASTY = "red<script>alert('$x$')<\" &amp; $"


class Page(html.parser.HTMLParser):
    """Elements and text of a page whose tags must be balanced."""

    def __init__(self, text):
        super().__init__()
        self.elements = []  # (tag, attributes)
        self.text = []
        self._open = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def copy_of(run, tmp_path):
    return pathlib.Path(shutil.copytree(run, tmp_path / "run"))


def plant(run, count):
    """Mistakes and a label error, of which the run has made none."""
    file = run / "evaluation.json"
    evaluation = json.loads(file.read_text())
    assert evaluation["mistakes"] == []
    names = [f"val/red/{number:02d}.png" for number in range(6)]
    names += [f"val/green/{number:02d}.png" for number in range(6)]
    names += [f"val/blue/{number:02d}.png" for number in range(6)]
    evaluation["mistakes"] = [
        {
            "image": name,
            "label": name.split("/")[1],
            "guess": "blue" if "blue" not in name else "red",
            "guess_probability": 0.9876,
            "label_probability": 0.0123,
        }
        for name in [*names[:count], "val/red/gone.png"]
    ]
    evaluation["label_errors"] = [
        {
            "image": names[0],
            "label": "red",
            "suggested": "green",
            "suggested_probability": 0.8761,
            "label_probability": 0.0234,
            "self_confidence": 0.03,
        }
    ]
    evaluation["probable_label_errors"] = 1
    evaluation["top1_error"] = count / 18
    file.write_text(json.dumps(evaluation))


def written(run, capsys, **options):
    """(the page, what --json prints) of a report on a run."""
    code = report.main(Options(config=None, run=str(run), json=True, **options))
    assert code == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    text = (run / "report.html").read_text("utf-8")
    assert result["bytes"] == len(text.encode())
    return Page(text), result


def test_a_report_is_complete_in_itself(finished_run, tmp_path, capsys):
    run = copy_of(finished_run, tmp_path)
    plant(run, 14)
    page, result = written(run, capsys)
    assert result["sections"] == ALWAYS[:7] + WITH_IMAGES + ALWAYS[7:]
    assert [s["id"] for s in page.all("section")] == result["sections"]
    assert result["left_out"] is None
    for figure in result["figures"]:
        assert pathlib.Path(figure).read_bytes().startswith(b"\x89PNG")
    assert [pathlib.Path(f).name for f in result["figures"]] == [
        *("kernels.png", "predictions.png", "neighbours.png")
    ]

    images = page.all("img")
    # Kernels, fourteen mistakes with their evidence, a label error, eight
    # predictions, five rows of seven, an image and five layers of two towers,
    # three pairs.
    assert len(images) == 2 + 14 * 2 + 1 + 8 + 5 * 7 + 1 + 5 * 2 + 3 * 2
    for image in images:
        assert re.match(r"data:image/(png|jpeg);base64,", image["src"])
        assert image["alt"]
    anchors = {f"#{key}" for key in result["sections"]}
    assert {a["href"] for a in page.all("a")} == anchors
    allowed = {
        *("html", "head", "meta", "title", "style", "body", "header", "main"),
        *("h1", "h2", "h3", "nav", "ul", "ol", "li", "dl", "dt", "dd", "a"),
        *("section", "div", "p", "span", "strong", "code", "pre", "details"),
        *("summary", "figure", "figcaption", "img", "svg", "g", "line"),
        *("text", "circle", "polyline"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert {tag for tag, _ in page.elements} <= allowed
    [style] = [t for t in page.text if "color-scheme" in t]
    assert "url(" not in style
    assert "@import" not in style

    text = " ".join(page.text)
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert f"{evaluation['top1_error']:.2%}" in text
    assert "all 72 training images" in text
    assert "98.8%, labelled" in text
    assert "2 more" in text  # mistakes
    assert "labelled" in text
    assert "87.6%" in text
    assert shlex.join(["python", *sys.argv]) in text  # the run trained here


@pytest.mark.slow
def test_names_cannot_become_tags(finished_run, own_images, tmp_path, capsys):
    run = copy_of(finished_run, tmp_path)
    for split in ("train", "val"):
        (own_images / split / "red").rename(own_images / split / NASTY)
    dataset = json.loads((run / "dataset.json").read_text())
    dataset["class_names"][2] = NASTY
    dataset["licence"] = "<img src=x onerror=alert(1)>"
    (run / "dataset.json").write_text(json.dumps(dataset))
    (run / "evaluation.json").unlink()
    page, _ = written(run, capsys, data_dir=str(own_images))
    assert page.all("script") == []
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    text = "".join(page.text)
    assert text.count(NASTY) >= 8
    titles = [f["title"] for f in page.all("figure") if "title" in f]
    assert any(NASTY in title for title in titles)  # the file's name
    # There was no evaluation: it was made up for.
    assert json.loads((run / "evaluation.json").read_text())["crops"] == 1


def test_without_images_the_rest_is_written(finished_run, tmp_path, capsys):
    run = copy_of(finished_run, tmp_path)
    gone = str(tmp_path / "gone")
    plant(run, 2)
    page, result = written(run, capsys, data_dir=gone)
    assert result["sections"] == ALWAYS
    assert gone in result["left_out"]
    assert f"are left out: {result['left_out']}" in "".join(page.text)
    assert len(page.all("img")) == 2
    (run / "history.csv").unlink()
    (run / "confusion.csv").unlink()
    (run / "evaluation.json").unlink()
    page, result = written(run, capsys, data_dir=gone)
    assert result["sections"] == ["results", "kernels", "config", "origin"]


@pytest.mark.slow
def test_one_tower(tmp_path, options_for, capsys):
    run = tmp_path / "run"
    changes = {"model.towers": 1, "train.epochs": 1, "model.activation": "tanh"}
    assert train.main(options_for(run, **changes)) == 0
    page, result = written(run, capsys)
    evaluation = json.loads((run / "evaluation.json").read_text())
    wrong = 2 * min(24, len(evaluation["mistakes"]))
    wrong += min(12, len(evaluation["label_errors"]))
    assert len(page.all("img")) == wrong + 1 + 8 + 5 * 7 + 1 + 5 + 3 * 2
    assert "maps" in result["sections"]


def test_an_evaluation_of_an_earlier_version_says_what_is_left_out(
    finished_run, tmp_path, capsys
):
    run = copy_of(finished_run, tmp_path)
    evaluation = json.loads((run / "evaluation.json").read_text())
    for key in ("per_class", "reliability", "coverage", "mistakes"):
        del evaluation[key]
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    trained = load_trained(Run(run))
    source = report.source_of(Run(run), Options(config=None, run=str(run)))
    outcome = outcome_of_best_weights(Run(run))
    assert outcome
    assert report.mistake_sections(Run(run), outcome, trained, source) == []
    assert "--mode=evaluate writes it anew" in capsys.readouterr().out
    sections = report.number_sections(Run(run), outcome, ("a", "b", "c"))
    keys = [section.key for section in sections]
    assert keys == ["results", "curves", "classes", "confusion"]


def test_other_classes_are_left_out(
    finished_run, other_classes, tmp_path, capsys
):
    run = copy_of(finished_run, tmp_path)
    _, result = written(run, capsys, data_dir=str(other_classes))
    assert "trained on the 3 classes" in result["left_out"]
    assert result["sections"] == ALWAYS


def test_no_run_and_no_weights_are_clear_lines(finished_run, tmp_path):
    with pytest.raises(UserError, match="there is no run in"):
        report.main(Options(config=None, run=str(tmp_path / "none")))
    run = copy_of(finished_run, tmp_path)
    (run / "best" / "network.weights.h5").unlink()
    with pytest.raises(UserError, match="no trained weights yet"):
        report.main(Options(config=None, run=str(run)))


@pytest.mark.parametrize(
    "file",
    [
        *("history.csv", "confusion.csv"),
        *("evaluation.json", "starts.json"),
    ],
)
def test_a_damaged_file_is_named(finished_run, tmp_path, file):
    run = copy_of(finished_run, tmp_path)
    text = (run / file).read_text()
    (run / file).write_text(text[: text.rindex(",")])
    options = Options(config=None, run=str(run), data_dir=str(tmp_path / "no"))
    with pytest.raises(UserError, match=f"{file} cannot be read"):
        report.main(options)
    assert not (run / "report.html").exists()
