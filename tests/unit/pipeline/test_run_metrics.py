"""The figures by which the job is watched, and the alerts on them."""

import datetime as dt
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import Result
from prometheus_client.parser import text_string_to_metric_families
from tests.ledger_rows import DAY, MadeUp, at
from typer.testing import CliRunner

from repertoire.cli.main import app
from repertoire.monitoring.exposition import exposition
from repertoire.pipeline.lease import Lease
from repertoire.pipeline.run_metrics import run_metrics

ROOT = Path(__file__).resolve().parents[3]
EVE = DAY - dt.timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
PUBLISH = "publish_recommendations"

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def made(tmp_path: Path) -> MadeUp:
    return MadeUp(tmp_path / "warehouse")


def figures(made: MadeUp, now: dt.datetime | None = None) -> Figures:
    text = exposition(run_metrics(made.warehouse, BERLIN, now or at(DAY, 59)))
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def of(found: Figures, name: str, **labels: str) -> float | None:
    return found.get((f"repertoire_{name}", frozenset(labels.items())))


def a_night(made: MadeUp) -> None:
    """Everything that there can be something to tell of."""
    for day in (EVE, DAY):
        made.run(day, "ingest_events", ended_at=at(day, 1), seconds=60.0, exit_code=0, rows_written='{"events": 9}')
        made.run(day, "rank_recommendations", minute=2, ended_at=at(day, 3))
        made.run(day, "evaluate_offline", minute=3, ended_at=at(day, 4))
        made.cost(day, "ingest_events", tasks=5, gc_seconds=0.5, executor_rss_bytes=90, executor_limit_bytes=100)
    made.run(EVE, PUBLISH, minute=5, ended_at=at(EVE, 6), exit_code=0)
    made.run(DAY, PUBLISH, "refused", minute=5, ended_at=at(DAY, 6), exit_code=3, message="the gate refused")
    made.published(EVE, users=40, rows=400)
    made.file(EVE, "old.csv", rows_read=50, rows_accepted=50)
    made.file(DAY, "log.csv", rows_read=10, rows_accepted=6, rows_rejected=3, rows_duplicate=1)
    made.rejected(DAY, [("bad_timestamp", "ann@example.com,x"), ("bad_timestamp", "b"), ("missing_user_id", "c")])
    made.metric(EVE, "evaluate_offline", "recommendations", "ndcg", 0.1)
    made.metric(DAY, "evaluate_offline", "recommendations", "ndcg", 0.25, low=0.2, high=0.3)
    made.metric(DAY, "evaluate_offline", "recommendations", "ndcg", 0.9, segment="country=FR")
    made.metric(DAY, "rank_recommendations", "recommendations", "users", 41.0, k=0)
    made.metric(DAY, "rank_recommendations", "recommendations", "tier_0", 300.0, k=0)


def test_the_newest_run_of_each_stage_is_told(made: MadeUp) -> None:
    a_night(made)
    found = figures(made)
    assert of(found, "stage_outcome", stage="ingest_events", outcome="done") == 1
    assert of(found, "stage_outcome", stage=PUBLISH, outcome="refused") == 1
    assert of(found, "stage_outcome", stage=PUBLISH, outcome="done") == 0
    assert of(found, "stage_exit_code", stage=PUBLISH) == 3
    assert of(found, "stage_seconds", stage="ingest_events") == 60
    assert of(found, "stage_ended_timestamp_seconds", stage=PUBLISH) == at(DAY, 6).timestamp()
    assert of(found, "stage_last_done_timestamp_seconds", stage=PUBLISH) == at(EVE, 6).timestamp()
    assert of(found, "stage_rows_written", stage="ingest_events", table="events") == 9
    assert of(found, "stage_runs_total", stage="ingest_events", outcome="done") == 2
    assert of(found, "stage_tasks", stage="ingest_events") == 5
    assert of(found, "stage_memory_peak_bytes", stage="ingest_events", process="executor") == 90
    assert of(found, "stage_memory_limit_bytes", stage="ingest_events", process="executor") == 100


def test_what_came_in_what_is_live_and_how_good_it_is(made: MadeUp) -> None:
    a_night(made)
    found = figures(made)
    assert of(found, "input_rows", kind="events", outcome="accepted") == 6
    assert of(found, "input_rows", kind="events", outcome="rejected") == 3
    assert of(found, "input_rejected_rows", rule="bad_timestamp") == 2
    assert of(found, "gate_passed") == 0
    assert of(found, "live_users") == 40
    assert of(found, "live_rolled_back") == 0
    midnight = dt.datetime(2026, 3, 1, tzinfo=BERLIN)
    assert of(found, "live_cutoff_timestamp_seconds") == midnight.timestamp()
    ndcg = {"stage": "evaluate_offline", "model": "recommendations", "metric": "ndcg", "k": "10", "segment": "all"}
    assert of(found, "quality", **ndcg) == 0.25
    assert of(found, "quality_low", **ndcg) == 0.2
    assert of(found, "lists_users") == 41
    assert of(found, "lists_places", tier="personalised") == 300
    assert "ann" not in str(found), "no label names a person"


def test_a_stage_under_way_has_died_unless_somebody_holds_the_lease_of_its_date(made: MadeUp) -> None:
    made.run(DAY, "ingest_events", "running", seconds=None)
    found = figures(made)
    assert of(found, "stage_outcome", stage="ingest_events", outcome="died") == 1
    assert of(found, "leases_held") == 0
    lease = f"run_date {DAY}"
    taken = dt.datetime.now(dt.UTC)
    with Lease(made.warehouse.files, made.warehouse.folder("leases"), lease, "run r", seconds=60):
        found = figures(made, dt.datetime.now(dt.UTC))
        assert of(found, "stage_outcome", stage="ingest_events", outcome="running") == 1
        assert of(found, "stage_outcome", stage="ingest_events", outcome="died") == 0
        assert of(found, "leases_held") == 1
        since = of(found, "lease_taken_timestamp_seconds", lease=lease)
        assert since is not None
        assert since >= taken.timestamp()
        assert of(figures(made, taken + dt.timedelta(hours=1)), "leases_held") == 0, "it has expired by then"
    assert of(figures(made, dt.datetime.now(dt.UTC)), "leases_held") == 0


def test_a_warehouse_in_which_nothing_has_run_has_figures_too(made: MadeUp) -> None:
    assert {name for name, _ in figures(made)} == {
        "repertoire_info",
        "repertoire_metrics_written_timestamp_seconds",
        "repertoire_leases_held",
    }


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["metrics", *map(str, arguments)])


def test_the_file_is_replaced_as_a_whole_and_a_strange_one_is_not(made: MadeUp, tmp_path: Path) -> None:
    made.run(DAY, "ingest_events")
    out = tmp_path / "repertoire.prom"
    assert command("--warehouse", made.warehouse.root, "--out", out).exit_code == 0
    made.run(DAY, "build_features", minute=1)
    assert command("--warehouse", made.warehouse.root, "--out", out).exit_code == 0
    assert "build_features" in out.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repertoire.prom", "warehouse"], "no leftovers"
    assert 'stage="build_features"' in command("--warehouse", made.warehouse.root).stdout
    out.write_text("up 1\n")
    refused = command("--warehouse", made.warehouse.root, "--out", out)
    assert refused.exit_code == 2
    assert "is there and is no metrics of Repertoire's" in refused.stderr
    assert out.read_text() == "up 1\n"


ALERTS = [
    rule
    for group in yaml.safe_load((ROOT / "conf" / "alerts" / "repertoire.yaml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_its_section_in_the_runbook(alert: dict[str, object]) -> None:
    runbook = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    name = str(alert["alert"])
    section = re.search(rf"^### {name}$(.+?)(?=^##)", runbook, re.MULTILINE | re.DOTALL)
    assert section, f"docs/operating.md has no section {name}"
    assert "**Do:**" in section[1]
    annotations = alert["annotations"]
    assert isinstance(annotations, dict)
    assert annotations["runbook"] == f"docs/operating.md#{name.lower()}"


def test_alerts_ask_for_figures_that_there_are(made: MadeUp) -> None:
    a_night(made)
    with Lease(made.warehouse.files, made.warehouse.folder("leases"), "publication", "run r", seconds=60):
        known = {name for name, _ in figures(made, dt.datetime.now(dt.UTC))}
    asked = {name for alert in ALERTS for name in re.findall(r"repertoire_\w+", str(alert["expr"]))}
    assert asked <= known
    assert len(asked) > 8
