"""The ledger: what is added up, what is newest, what is left out."""

import datetime as dt
from dataclasses import replace

from tests.report_values import DAY, publication, report, stage_run

from repertoire.report.contents import IngestedFile, RejectedRow, Rejections
from repertoire.report.ledger import RowsIn, ledger, rows_in

EVE = DAY - dt.timedelta(days=1)


def test_files_are_added_up_by_day_and_kind() -> None:
    files = [
        IngestedFile(EVE, "a", "events", 10, 7, 2, 1),
        IngestedFile(DAY, "b", "events", 100, 90, 6, 4),
        IngestedFile(DAY, "c", "events", 50, 50, 0, 0),
        IngestedFile(DAY, "d", "items", 0, 0, 0, 0),
    ]
    assert rows_in(files) == [
        RowsIn(DAY, "events", 2, 150, 140, 6, 4),
        RowsIn(DAY, "items", 1, 0, 0, 0, 0),
        RowsIn(EVE, "events", 1, 10, 7, 2, 1),
    ]
    assert [one.rejected_share for one in rows_in(files)] == [0.04, None, 0.2]


def test_a_stage_counts_at_its_newest_run() -> None:
    runs = (
        stage_run(DAY, "build_features", minute=5, seconds=3.0, spark_jobs=None),
        stage_run(DAY, "build_features", "failed", minute=1, seconds=99.0),
        stage_run(DAY, "ingest_events", minute=0, seconds=1.0),
        stage_run(EVE, "ingest_events", seconds=50.0),
    )
    found = ledger(report(2, stages=runs))
    assert [(run.stage, run.status) for run in found.stages] == [("ingest_events", "done"), ("build_features", "done")]
    assert (found.seconds, found.slowest, found.jobs) == (4.0, 3.0, 7)
    assert [run.stage for run in found.failures.shown] == ["build_features"]
    assert [run.started_at.minute for run in found.runs.shown] == [5, 1, 0, 0]


def test_rules_come_by_their_rows_and_publications_by_their_time() -> None:
    row = RejectedRow("f", "raw", None, None)
    rejections = (Rejections("few", 2, (row,)), Rejections("many", 20, (row,)))
    rolled_back = replace(publication(EVE, "rollback"), published_at=publication(DAY).published_at + dt.timedelta(1))
    found = ledger(report(rejections=rejections, publications=(publication(EVE), rolled_back, publication(DAY))))
    assert [one.rule for one in found.rejections.shown] == ["many", "few"]
    assert found.rejected_rows == 22
    assert [(one.action, one.run_date) for one in found.publications.shown] == [
        ("rollback", EVE),
        ("publish", DAY),
        ("publish", EVE),
    ]


def test_of_very_much_the_newest_is_shown_and_the_rest_counted() -> None:
    runs = tuple(stage_run(DAY, f"s{n}", "failed", minute=n % 60) for n in range(700))
    files = tuple(IngestedFile(DAY, f"{n:04}", "events", 1, 1, 0, 0) for n in range(100))
    found = ledger(report(stages=runs, files=files))
    assert (len(found.runs.shown), found.runs.more) == (600, 100)
    assert (len(found.failures.shown), found.failures.more) == (20, 680)
    assert (len(found.files.shown), found.files.more) == (60, 40)
