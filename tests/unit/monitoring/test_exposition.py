"""The text that Prometheus reads, judged by Prometheus' own parser."""

import datetime as dt

import pytest
from prometheus_client.parser import text_string_to_metric_families

from repertoire.monitoring.exposition import Family, Sample, exposition, sample


def test_the_parser_reads_what_was_written() -> None:
    odd = 'a "quoted" \\ path\nin two lines, {with} signs'
    text = exposition(
        [
            Family("repertoire_rows", f"rows of {odd}", (Sample(1.5, {"kind": odd, "rule": ""}), Sample(7, {}))),
            Family("repertoire_runs_total", "runs", (Sample(3, {"stage": "ingest"}),), kind="counter"),
            Family("repertoire_unknown", "nothing is known", sample(None)),
        ]
    )
    rows, runs = text_string_to_metric_families(text)
    assert (rows.name, rows.type, rows.documentation) == ("repertoire_rows", "gauge", f"rows of {odd}")
    assert [(one.labels, one.value) for one in rows.samples] == [({"kind": odd, "rule": ""}, 1.5), ({}, 7.0)]
    assert runs.type == "counter"
    assert [(one.name, one.value) for one in runs.samples] == [("repertoire_runs_total", 3.0)]
    assert text.endswith("\n")


def test_times_are_seconds_and_what_is_not_known_is_left_out() -> None:
    (one,) = sample(dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC), stage="a")
    assert (one.value, one.labels) == (60.0, {"stage": "a"})
    assert sample(None) == sample(float("nan")) == ()
    assert exposition([Family("repertoire_x", "x", ())]) == ""


@pytest.mark.parametrize(
    ("name", "label", "kind", "message"),
    [
        ("repertoire rows", "kind", "gauge", "'repertoire rows'.* are no names"),
        ("repertoire_rows", "a-b", "gauge", "'a-b'.* are no names"),
        ("repertoire_rows", "kind", "counter", "a counter's name, and no other, ends in _total"),
        ("repertoire_rows_total", "kind", "gauge", "a counter's name, and no other, ends in _total"),
    ],
)
def test_names_that_prometheus_would_not_take_are_refused(name: str, label: str, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Family(name, "rows", (Sample(1, {label: "x"}),), kind=kind)  # type: ignore[arg-type]
