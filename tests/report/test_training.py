"""Times and curves from the history."""

import datetime

from alexnet_tf.report.training import COLUMNS, curves_section, training_time


def test_the_time_is_that_of_all_epochs():
    rows = [{"images_per_second": 50.0}, {"images_per_second": 100.0}]
    assert training_time(rows, 6000) == datetime.timedelta(minutes=3)
    assert training_time([], 6000) == datetime.timedelta()


def test_four_charts_and_every_number():
    rows = [
        {key: epoch + place / 100 for place, key in enumerate(COLUMNS)}
        for epoch in (1, 2)
    ]
    body = curves_section(rows).body
    assert body.count("<svg") == 4
    assert body.count("<polyline") == 7  # the learning rate is one line
    assert "<td>2.010</td>" in body  # loss
    assert "<td>204.00%</td>" in body  # validation top-1 error
