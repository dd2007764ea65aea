"""The report of a real run: what `repertoire report` writes agrees with the tables."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from repertoire.cli.main import app
from repertoire.pipeline.report_on import report_on
from repertoire.store import Warehouse
from repertoire.tables import INTERACTIONS, METRICS
from tests.pipeline.conftest import LAST_DAY
from tests.pipeline.nightly import Logs


def test_the_page_holds_what_the_run_wrote(finished: Warehouse, logs: Logs, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["report", "--warehouse", finished.root, "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    assert f"The lists of {LAST_DAY} are live." in text
    assert "nDCG@10 in the backtest is" in text

    found = report_on(finished)
    table = pd.read_parquet(Path(finished.folder("live", "recommendations")).resolve())
    lists = table.sort_values("rank").groupby("user_id")["item_id"].apply(list).to_dict()
    assert {person.user_id: [place.item_id for place in person.places] for person in found.people} == lists
    assert {place.tier for person in found.people[: found.in_full] for place in person.places[:1]} == set(
        table[table["rank"] == 1]["fallback_tier"]
    )
    titles = pd.read_json(logs.items, lines=True).set_index("item_id")["title"].to_dict()
    assert all(place.title == titles[place.item_id] for person in found.people for place in person.places)
    assert any(place.reason.startswith("because of ") for person in found.people for place in person.places)
    assert [run.stage for run in found.stages_of(LAST_DAY)][-1] == "publish_recommendations"
    assert sum(file.rows_rejected for file in found.files) == sum(one.rows for one in found.rejections) > 0


def test_the_popularity_curve_is_that_of_the_tables(finished: Warehouse) -> None:
    rows = finished.tables.rows(METRICS, where=[("stage", "=", "rank_recommendations")]).to_pylist()
    figures = {(row["model"], row["metric"], row["k"]): row["value"] for row in rows}
    eligible = int(figures["recommendations", "eligible_items", 0])
    table = pd.read_parquet(Path(finished.folder("live", "recommendations")).resolve())
    places = table["item_id"].value_counts().tolist()
    assert len(places) == figures["recommendations", "items_shown", 0] <= eligible <= 60
    tenth = eligible / 10
    whole = int(tenth)
    wanted = (sum(places[:whole]) + (tenth - whole) * places[whole]) / len(table)
    assert figures["recommendations", "places_of_top_percent", 10] == pytest.approx(wanted)
    assert figures["recommendations", "places_of_top_percent", 100] == 1
    assert figures["history", "events_of_top_percent", 100] == 1
    events = finished.tables.rows(INTERACTIONS).to_pandas().groupby("item_id")["events"].sum().sort_values()
    assert 0 < figures["history", "events_of_top_percent", 1] <= events.iloc[-1] / events.iloc[-10:].sum()
