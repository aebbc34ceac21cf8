"""Progress where no terminal is."""

import re

from alexnet_tf.terminal import progress


def test_lines_tell_speed_and_time_left(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    seconds = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds)
    with progress.ProgressReport("work", 40) as report:
        seconds = 2.0
        report.advance(10, "loss 1.5")
        seconds = 4.0
        report.advance(30)
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == "work: 10/40 images, 5 images/s, 6 s left, loss 1.5"
    assert second == last == "work: 40/40 images, 10 images/s, 0 s left"


def test_lines_are_rare(capsys):
    with progress.ProgressReport("work", 1000) as report:
        for _ in range(1000):
            report.advance(1)
    [line] = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"work: 1000/1000 images, \d+ images/s, 0 s left", line)
