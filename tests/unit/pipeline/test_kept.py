"""What upkeep must leave."""

import datetime as dt
import json
from typing import Any

import pytest

from repertoire.errors import SettingsError
from repertoire.pipeline.kept import kept
from repertoire.settings import MaintenanceSettings, load_settings

TODAY = dt.date(2026, 3, 31)
NOW = dt.datetime(2026, 4, 1, 3, tzinfo=dt.UTC)


def day(back: int) -> dt.date:
    return TODAY - dt.timedelta(days=back)


def publication(back: int, minute: int = 0, action: str = "publish") -> dict[str, Any]:
    at = dt.datetime.combine(day(back), dt.time(4, minute), dt.UTC)
    return {
        "published_at": at,
        "action": action,
        "run_date": day(back),
        "table_version": 1000 - back,
        "export": str(back),
    }


def settings(**given: Any) -> MaintenanceSettings:
    return MaintenanceSettings(**({"keep_run_dates": 30, "keep_publications": 2} | given))


def dates(rows: list[dict[str, Any]], **given: Any) -> set[int]:
    return {(TODAY - date).days for date in kept(rows, [], settings(**given), run_date=TODAY, now=NOW).dates}


def test_the_newest_publications_stay_however_old_they_are() -> None:
    rows = [publication(back) for back in (400, 300, 200, 100)]
    assert dates(rows) == {200, 100}
    assert dates(rows, keep_publications=3) == {300, 200, 100}
    assert dates([]) == set()


def test_after_a_rollback_the_live_lists_stay_and_those_to_which_one_can_go_back_next() -> None:
    rows = [publication(back) for back in (400, 300, 200, 100)]
    back_to = rows[1] | {"published_at": NOW, "action": "rollback"}
    assert dates([*rows, back_to]) == {400, 300, 200, 100}
    back_to = rows[0] | {"published_at": NOW, "action": "rollback"}
    assert dates([*rows, back_to]) == {400, 300, 200, 100}


def test_every_publication_stays_readable_whose_rows_are_kept() -> None:
    rows = [publication(back) for back in (31, 30, 3, 2, 1)]
    found = kept(rows, [], settings(), run_date=TODAY, now=NOW)
    assert found.versions == {"recommendations": {970, 997, 998, 999}}
    assert kept(rows, [], settings(keep_run_dates=None), run_date=TODAY, now=NOW).versions == {
        "recommendations": {969, 970, 997, 998, 999}
    }


def test_versions_that_a_run_read_or_wrote_stay_for_as_long_as_it_can_be_done_again() -> None:
    def run(back: int, read: dict[str, Any], wrote: dict[str, Any] | None) -> dict[str, Any]:
        started = NOW - dt.timedelta(days=back)
        output = None if wrote is None else json.dumps(wrote)
        return {"started_at": started, "input_versions": json.dumps(read), "output_versions": output}

    runs = [
        run(20, {"events": 1}, {"interactions": 1}),
        run(14, {"events": 5, "users": None, "model:als": "als-1"}, {"interactions": 7}),
        run(0, {"events": 9}, None),
    ]
    found = kept([], runs, settings(), run_date=TODAY, now=NOW).versions
    assert found == {"recommendations": set(), "events": {5, 9}, "interactions": {7}}


def test_which_tables_lose_rows_by_age() -> None:
    found = MaintenanceSettings(keep_run_dates=60, keep_days={"events": 730, "candidates": 7, "models": None})
    assert {name: found.days_of(name) for name in ("recommendations", "candidates", "events", "models")} == {
        "recommendations": 60,
        "candidates": 7,
        "events": 730,
        "models": None,
    }
    for name in ("events", "reviews", "impressions", "items", "users", "metrics", "runs", "publications"):
        assert MaintenanceSettings().days_of(name) is None, name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("maintenance.keep_days={items: 30}", 'unknown table whose rows have an age "items"'),
        ("maintenance.keep_days={publications: 30}", 'unknown table whose rows have an age "publications"'),
        ("maintenance.keep_days={events: 0}", "events: 0 days; at least 1, or null for ever"),
        ("maintenance.small_file_mb=500", r"small_file_mb \(500\) must not be above target_file_mb \(128\)"),
        ("maintenance.catalog_database=a b", "maintenance.catalog_database: String should match pattern"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(overrides=[given])
