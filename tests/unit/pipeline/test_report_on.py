"""What a report takes from a warehouse: which day, which rows, which people."""

import datetime as dt
from pathlib import Path

import pytest
from tests.ledger_rows import DAY, MadeUp

from repertoire.errors import InputError
from repertoire.pipeline.report_on import report_on
from repertoire.pipeline.report_people import LONGEST_HISTORY, LONGEST_LIST, report_people

EVE, NEXT = DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)


@pytest.fixture
def made(tmp_path: Path) -> MadeUp:
    return MadeUp(tmp_path / "warehouse")


def test_nothing_has_run(made: MadeUp) -> None:
    with pytest.raises(InputError, match="nothing has run in .*: run `repertoire run --run-date DATE` first"):
        report_on(made.warehouse)


def test_the_day_is_that_of_the_live_lists_or_the_newest_that_ran(made: MadeUp) -> None:
    for day in (EVE, DAY, NEXT):
        made.run(day, "ingest_events")
    assert report_on(made.warehouse).dates == (EVE, DAY, NEXT)
    made.published(DAY)
    found = report_on(made.warehouse)
    assert found.dates == (EVE, DAY)
    assert [run.run_date for run in found.later] == [NEXT]
    assert found.live is not None
    assert found.live.run_date == DAY
    assert report_on(made.warehouse, NEXT).run_date == NEXT
    assert report_on(made.warehouse, NEXT, days=2).dates == (DAY, NEXT)
    with pytest.raises(
        InputError, match="--run-date 2025-01-01: nothing ran for that day in .*Newest run dates: 2026-02-28"
    ):
        report_on(made.warehouse, dt.date(2025, 1, 1))


def test_the_ledger_of_the_days_is_taken_and_no_more(made: MadeUp) -> None:
    for day in (EVE, DAY):
        made.run(day, "ingest_events", "failed", message=f"of {day}", rows_written=None, exit_code=2)
        made.run(day, "build_features", minute=1, rows_written='{"interactions": 7}')
        made.metric(day, "evaluate_offline", "recommendations", "ndcg", 0.25, low=0.2, high=0.3, users=9)
        made.metric(day, "evaluate_offline", "recommendations", "ndcg", 0.1, segment="history=cold")
        made.file(day, f"{day}.csv", rows_read=10, rows_accepted=7, rows_rejected=2, rows_duplicate=1)
    found = report_on(made.warehouse, days=1)
    assert [(run.stage, run.status, dict(run.rows_written), run.message) for run in found.stages] == [
        ("ingest_events", "failed", {}, f"of {DAY}"),
        ("build_features", "done", {"interactions": 7}, None),
    ]
    metric, group = found.metrics
    assert (group.segment, group.run_date) == ("history=cold", DAY)
    assert (metric.run_date, metric.value, metric.low, metric.high, metric.users) == (DAY, 0.25, 0.2, 0.3, 9)
    (file,) = found.files
    assert (file.path, file.rows_read, file.rows_accepted, file.rows_rejected) == (f"{DAY}.csv", 10, 7, 2)
    both = report_on(made.warehouse, days=2)
    assert len(both.files) == 2
    assert [(one.run_date, one.segment) for one in both.metrics] == [(EVE, None), (DAY, None), (DAY, "history=cold")]


def test_rejected_rows_are_counted_by_rule_with_a_few_examples(made: MadeUp) -> None:
    made.run(DAY, "ingest_events")
    made.rejected(EVE, [("bad_timestamp", "of the day before")])
    made.rejected(DAY, [*(("bad_timestamp", f"row {n}") for n in range(500)), ("missing_user_id", ",x")])
    first, second = report_on(made.warehouse).rejections
    assert (first.rule, first.rows, [row.raw for row in first.examples]) == ("bad_timestamp", 500, ["row 0", "row 1"])
    assert (second.rule, second.rows, [row.raw for row in second.examples]) == ("missing_user_id", 1, [",x"])


def test_people_have_titles_reasons_histories_and_attributes(made: MadeUp) -> None:
    made.run(DAY, "ingest_events")
    made.lists(EVE, {"ann": [("old", "popular", 2)]})
    made.lists(DAY, {"ann": [("a", "because_of:h1", 0), ("b", "popular_in:FR", 1), ("c", "popular", 2)]})
    made.history(DAY, [("ann", "h2", 1.0), ("ann", "h1", 5.0), ("bob", "h1", 1.0)])
    made.titles({"a": "Giant Steps", "h1": "Blue Train"})
    made.titles({"b": "of tomorrow"}, valid_from=NEXT)
    made.user("ann", country="DE", gender="f", valid_from=dt.date(2019, 1, 1), valid_to=dt.date(2020, 1, 1))
    made.user("ann", country="FR", age_band=None)
    made.user("ann", country="ES", valid_from=NEXT)
    found = report_on(made.warehouse)
    (ann,) = found.people
    assert (ann.user_id, dict(ann.attributes), ann.works) == ("ann", {"country": "FR"}, 2)
    assert [(work.item_id, work.title, work.last) for work in ann.history] == [
        ("h1", "Blue Train", DAY),
        ("h2", None, DAY),
    ]
    assert [(place.rank, place.item_id, place.title, place.reason, place.tier) for place in ann.places] == [
        (1, "a", "Giant Steps", "because of Blue Train", 0),
        (2, "b", None, "popular in FR", 1),
        (3, "c", None, "popular", 2),
    ]


def test_the_lists_are_those_that_were_published(made: MadeUp) -> None:
    made.run(DAY, "ingest_events")
    version = made.lists(DAY, {"ann": [("published", "popular", 2)]})
    made.published(DAY, version)
    made.lists(DAY, {"ann": [("made again", "popular", 2)]})
    assert [place.item_id for place in report_on(made.warehouse).people[0].places] == ["published"]
    made.published(NEXT, version, minute=40)
    assert [place.item_id for place in report_on(made.warehouse, DAY).people[0].places] == ["published"]


def test_the_sample_is_bounded_has_every_tier_and_varied_people_first(made: MadeUp) -> None:
    long = [(f"i{n}", "popular", 0) for n in range(LONGEST_LIST + 5)]
    lists = {f"personal-{n}": long for n in range(100)}
    lists |= {f"newcomer-{n}": [("i1", "popular", 2)] for n in range(40)}
    made.lists(DAY, lists)
    made.history(DAY, [(f"personal-{n}", f"h{n % 3}-{m}", 50.0 - m) for n in range(100) for m in range(30)])
    for kind in range(3):
        made.titles({f"h{kind}-0": "x"}, category=("film", "book", "game")[kind])
    people = report_people(made.warehouse, DAY, None, in_full=9, searchable=60)
    assert len(people) == len({person.user_id for person in people}) == 60
    newcomers = [person.user_id for person in people if person.user_id.startswith("newcomer")]
    assert len(newcomers) == 60 // 20
    first = people[:9]
    assert sum(person.user_id.startswith("newcomer") for person in first) == 3
    kinds = {person.history[0].item_id.partition("-")[0] for person in first[:3]}
    assert kinds == {"h0", "h1", "h2"}, "the first three have different favourites"
    assert {(len(person.places), len(person.history), person.works) for person in first[:6]} == {
        (LONGEST_LIST, LONGEST_HISTORY, 30)
    }
    assert [work.strength for work in first[0].history] == [50.0 - m for m in range(LONGEST_HISTORY)]
    assert report_people(made.warehouse, DAY, None, in_full=9, searchable=60) == people


def test_upkeep_after_a_failed_run_hides_nothing(made: MadeUp) -> None:
    made.run(DAY, "ingest_events", "failed")
    made.run(DAY, "maintain_tables", minute=9)
    assert [run.stage for run in report_on(made.warehouse).stages] == ["ingest_events"]
