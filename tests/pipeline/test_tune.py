"""auto, `repertoire tune` and the notebook on a small generated shop."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession

from repertoire import notebook
from repertoire.candidates.item_knn import ITEM_KNN
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender
from repertoire.candidates.registry import RECOMMENDERS
from repertoire.errors import SettingsError
from repertoire.settings import ItemKnnSettings, load_settings
from repertoire.store import Warehouse
from repertoire.tables import MODELS
from repertoire.tuning.backtest import Backtest, HeldOut, fitting_of
from tests.pipeline.conftest import LAST_DAY, Command
from tests.pipeline.nightly import SMALL, Logs, run_here, settings_for

QUICK = ("candidates.auto.models=[popular, item_knn, ease]", "candidates.auto.trials=4", "candidates.auto.variants=1")


def flags(*texts: str) -> list[str]:
    return [word for text in texts for word in ("--set", text)]


def test_recommend_by_auto_tells_what_it_tried(repertoire: Command, logs: Logs, tmp_path: Path) -> None:
    out = tmp_path / "lists"
    done = repertoire("recommend", logs.events, "--out", out, "--model", "auto", *flags(*SMALL, *QUICK))
    assert done.exit_code == 0, done.output
    for words in ("auto: popular: nDCG@10 0.", "auto: item_knn: nDCG@10 0.", "auto: ease: nDCG@10 0.", ", since "):
        assert words in done.stderr
    assert len(re.findall(r"^  auto: .*: nDCG@10 0\.\d+, [\d.]+ s$", done.stderr, re.MULTILINE)) == 4
    table = pd.read_parquet(out)
    assert "auto" in set(table["source"])
    assert (table.groupby("user_id").size() == 5).all()


def test_a_choice_is_kept_from_night_to_night(spark: SparkSession, logs: Logs, tmp_path: Path) -> None:
    nights = [LAST_DAY - dt.timedelta(days=back) for back in (2, 1, 0)]
    auto = ("candidates.models=[auto]", "candidates.auto.models=[item_knn]", "candidates.auto.trials=1")
    settings = settings_for(logs, tmp_path / "warehouse", *auto, "candidates.auto.choose_days=2")
    for night in nights:
        warehouse = run_here(spark, settings, night, last="train_candidates")
    rows = warehouse.tables.rows(MODELS, where=[("name", "=", "auto")]).to_pylist()
    models = {row["run_date"]: (row["model_version"], json.loads(row["metadata"])["choice"]) for row in rows}
    first, second, third = (models[night] for night in nights)
    assert first[1]["chosen_by"] is None
    assert second[1]["chosen_by"] == first[0]
    assert second[1]["chosen_on"] == first[1]["chosen_on"] == nights[0].isoformat()
    assert (third[1]["chosen_by"], third[1]["chosen_on"]) == (None, nights[2].isoformat())


@pytest.mark.parametrize(("days_before", "given"), [(7, "seen on 2026-02-22"), (0, None)])
def test_a_backtest_uses_no_model_that_has_seen_what_is_held_back(days_before: int, given: str | None) -> None:
    day = LAST_DAY - dt.timedelta(days=days_before)
    nothing: Any = None
    settings = load_settings()
    asked = Backtest(
        spark=nothing,
        events=nothing,
        users=None,
        items=None,
        as_of=LAST_DAY,
        cutoff=nothing,
        seed=1,
        scratch="",
        features=settings.features,
        models={},
        evaluation=settings.evaluation,
        previous=lambda day, name: FittedModel(f"{name} on {day}", {}),
    )
    held = HeldOut("", day, nothing, nothing, nothing, nothing, nothing, nothing)
    fitting = fitting_of(asked, held, settings.candidates, "")
    found = fitting.previous("seen")
    assert (found.name if found else None) == given


def test_tune_of_a_log(repertoire: Command, logs: Logs, tmp_path: Path) -> None:
    out = tmp_path / "conf" / "tuned.yaml"
    out.parent.mkdir()
    asked = ["tune", logs.events, "--model", "item_knn", "--model", "popular", "--trials", "2", *flags(*SMALL)]
    done = repertoire(*asked, "--json", "--out", out)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(one["model"], one["trial"]) for one in found["trials"]] == [
        (model, trial) for trial in range(2) for model in ("item_knn", "popular")
    ]
    assert [one["settings"] for one in found["trials"][:2]] == [{}, {}]
    assert all(one["settings"] for one in found["trials"][2:])
    assert done.stderr.count("ndcg@10 0.") == 4, "each trial is told as it comes"
    best = max(found["trials"], key=lambda one: one["value"])
    assert (found["best"]["model"], found["best"]["trial"]) == (best["model"], best["trial"])
    for one in found["trials"][2:]:
        start = found["trials"][0 if one["model"] == "item_knn" else 1]
        assert one["difference"] == pytest.approx(one["value"] - start["value"])

    settings = load_settings(conf=tmp_path / "conf", env="tuned")
    assert settings.candidates.models == [best["model"]]
    section = getattr(settings.candidates, best["model"])
    assert {name: getattr(section, name) for name in best["settings"]} == pytest.approx(best["settings"])
    assert yaml.safe_load(out.read_text()) == found["best"]["overlay"]

    # The figure of trial 0 is what a backtest says.
    judged = repertoire("backtest", logs.events, "--model", "item_knn", "--k", "10", "--json", *flags(*SMALL))
    measured = json.loads(judged.stdout)[0]["measurements"]
    by_backtest = [
        one for one in measured if one["model"] == "item_knn" and one["metric"] == "ndcg" and not one["segment"]
    ]
    assert by_backtest[0]["value"] == pytest.approx(found["trials"][0]["value"])

    table = repertoire(
        "tune", logs.events, "--model", "popular", "--trials", "1", "--metric", "recall@5", *flags(*SMALL)
    )
    assert table.exit_code == 0, table.output
    assert "recall@5" in table.stdout
    assert "Best: popular with its settings as they are" in table.stdout
    assert "Use it: --set 'candidates.models=[popular]'" in table.stdout


def test_tune_of_a_warehouse_writes_nothing_and_shows_what_was_found_when_interrupted(
    repertoire: Command, finished: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(str(path) for path in Path(finished.root).rglob("*"))
    fits: list[ItemKnnSettings] = []

    def fit(fitting: Fitting) -> FittedModel:
        fits.append(fitting.settings.item_knn)
        if len(fits) == 3:
            raise KeyboardInterrupt
        return ITEM_KNN.fit(fitting)

    monkeypatch.setitem(RECOMMENDERS, "item_knn", Recommender("item_knn", fit, ITEM_KNN.propose))
    done = repertoire("tune", "--model", "item_knn", "--warehouse", finished.root, *flags(*SMALL[2:]))
    assert done.exit_code == 1, done.output
    assert "interrupted: these are the trials that had ended" in done.stderr
    assert "Best: item_knn" in done.stdout
    assert fits[0] == ItemKnnSettings()
    assert len(set(map(repr, fits))) == 3
    assert sorted(str(path) for path in Path(finished.root).rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "blend"], "--model blend: it has no settings that are searched"),
        (["--model", "auto"], "--model auto: it has no settings that are searched"),
        (["--model", "itemknn"], 'unknown model "itemknn"; did you mean "item_knn"'),
        (["--metric", "ndcgs@10"], 'unknown metric "ndcgs"; did you mean "ndcg"'),
        (["--metric", "ndcg"], '--metric takes a metric and a length, such as ndcg@10; received "ndcg"'),
        (["--trials", "0"], "--trials takes a positive whole number, received 0"),
        (["--budget", "-1"], "--budget takes a positive number of seconds, received -1"),
        (["--out", "nowhere/tuned.yaml"], "--out nowhere/tuned.yaml: there is no folder"),
    ],
)
def test_wrong_arguments_of_tune_are_refused(repertoire: Command, options: list[str], message: str) -> None:
    done = repertoire("tune", "log.csv", *options)
    assert done.exit_code == 2, done.output
    assert message in done.stderr


def test_a_warehouse_has_its_own_catalogue(repertoire: Command) -> None:
    done = repertoire("tune", "--items", "catalogue.csv")
    assert done.exit_code == 2, done.output
    assert "--items and --users go with a log; a warehouse has its own" in done.stderr


@pytest.fixture
def own_session(spark: SparkSession) -> SparkSession:
    """The tests' session is the active one, with a zone of its own."""
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    yield spark
    assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo", "left as it was"
    assert spark.range(1).count() == 1, "and not stopped"
    spark.conf.set("spark.sql.session.timeZone", "UTC")


PLAYS = pd.DataFrame(
    [
        (
            f"{circle}{person}",
            f"{circle}-work{(person + step) % 6}",
            pd.Timestamp("2026-03-01T23:30") + pd.Timedelta(days=step),
        )
        for circle in "ab"
        for person in range(6)
        for step in range(3)
    ],
    columns=["user_id", "item_id", "event_ts"],
)


def test_the_notebook_gives_what_the_command_gives(
    own_session: SparkSession, repertoire: Command, tmp_path: Path
) -> None:
    said: list[str] = []
    settings: dict[str, Any] = {"candidates.item_knn.neighbors": 5}
    lists = notebook.recommend(PLAYS, "item_knn", 3, users=["a1", "b2"], settings=settings, say=said.append)
    assert list(lists.columns) == ["user_id", "rank", "item_id", "score", "source", "reason"]
    assert list(lists["user_id"].unique()) == ["a1", "b2"]
    assert "train_candidates: started (3 of 5)" in said
    PLAYS.to_csv(tmp_path / "plays.csv", index=False)
    nested = notebook.recommend(
        tmp_path / "plays.csv", "item_knn", 3, settings={"candidates": {"item_knn": {"neighbors": 5}}}
    )
    own_session.conf.set("spark.sql.session.timeZone", "UTC")
    out = tmp_path / "lists.parquet"
    done = repertoire(
        "recommend", tmp_path / "plays.csv", "--out", out, "--model", "item_knn", "--top-k", "3",
        "--set", "candidates.item_knn.neighbors=5",
    )  # fmt: skip
    own_session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    assert done.exit_code == 0, done.output
    by_command = pd.read_parquet(out)
    pd.testing.assert_frame_equal(nested, by_command)
    wanted = by_command[by_command["user_id"].isin(["a1", "b2"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(lists, wanted)

    truth = pd.DataFrame({"user_id": ["a1", "b2"], "item_id": [lists["item_id"][0], "none"]})
    figures = notebook.evaluate(lists, truth, [3])
    hit_rate = figures[(figures["metric"] == "hit_rate") & (figures["k"] == 3)]
    assert hit_rate["value"].item() == 0.5


def test_the_notebook_backtests_and_tunes(own_session: SparkSession) -> None:
    split = {"evaluation.split": "leave_last", "evaluation.k": [5]}
    figures = notebook.backtest(PLAYS, ["item_knn"], settings=split)
    own = figures[(figures["model"] == "item_knn") & (figures["metric"] == "ndcg") & figures["segment"].isna()]
    tuned = notebook.tune(PLAYS, "item_knn", trials=2, metric="ndcg@5", settings=split)
    assert tuned.trials["value"][0] == pytest.approx(own["value"].item())
    assert tuned.model == "item_knn"
    best = tuned.trials["value"].idxmax()
    assert tuned.settings == {
        f"candidates.item_knn.{name}": value for name, value in tuned.trials["settings"][best].items()
    }
    said: list[str] = []
    assert notebook.backtest(PLAYS[:1], "popular_in_segment", settings=split, say=said.append).empty
    assert said[-1] == "each user's last 1 works held back: nothing to measure there"
    with pytest.raises(SettingsError, match="no settings that are searched"):
        notebook.tune(PLAYS, "blend")
    with pytest.raises(SettingsError, match='unknown setting "candidates.item_knn.neighbours"'):
        notebook.recommend(PLAYS, "item_knn", settings={"candidates.item_knn.neighbours": 5})


def test_an_example_of_the_readme_runs(
    own_session: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = [part.split("```")[0] for part in page.split("```python\n")[1:] if "repertoire.notebook" in part]
    monkeypatch.chdir(tmp_path)
    PLAYS.to_csv("plays.csv", index=False)
    names: dict[str, Any] = {}
    exec(code, names)
    assert len(names["lists"]) == 12 * 5
    assert {"recall", "ndcg"} <= set(names["figures"]["metric"])
