"""`repertoire classify` as a person types it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pipeline.conftest import Command


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """age, income, total_usage → purchased, as CSV."""
    rng = np.random.default_rng(2)
    usage, age = rng.exponential(20, 900).round(2), rng.integers(18, 80, 900)
    bought = rng.random(900) < 1 / (1 + np.exp(-(0.1 * usage - 0.05 * (age - 40) - 2)))
    rows = pd.DataFrame({"age": age, "income": rng.lognormal(10, 0.5, 900).round(), "total_usage": usage})
    rows["purchased"] = bought.astype(int)
    rows.to_csv(tmp_path / "customers.csv", index=False)
    rows.head(50).drop(columns="purchased").assign(row_id=[f"r{n}" for n in range(50)]).to_csv(
        tmp_path / "new.csv", index=False
    )
    return tmp_path / "customers.csv"


FIT = ("--set", "classify.xgboost.rounds=40", "--set", "classify.importance_repeats=2")


def test_a_table_is_learnt_and_another_labelled(repertoire: Command, table: Path) -> None:
    done = repertoire("classify", "fit", table, "--label", "purchased", "--model-out", "model", *FIT)
    assert done.exit_code == 0, done.output
    for told in ("900 rows", "total_usage  number", "On 1", "auc", "predicted 1", "auc lost when it is shuffled"):
        assert told in done.output, told
    kept = json.loads(Path("model/model.json").read_text())
    assert kept["kind"] == "classify"
    assert kept["measured"]["figures"]["auc"]["value"] > 0.7
    assert kept["settings"]["algorithm"] == "xgboost"
    assert {one["column"] for one in kept["importances"]} == {"age", "income", "total_usage"}

    done = repertoire(
        "classify", "predict", table.with_name("new.csv"), "--model", "model", "--out", "labelled.parquet"
    )
    assert done.exit_code == 0, done.output
    assert "50 rows; predicted: 0" in done.output
    labelled = pd.read_parquet("labelled.parquet")
    assert list(labelled.columns) == ["age", "income", "total_usage", "row_id", "prediction", "score_0", "score_1"]
    assert list(labelled.row_id) == [f"r{n}" for n in range(50)]
    assert set(labelled.prediction) <= {"0", "1"}
    # What the label's column says is compared with what is predicted; a folder takes the place of one of before.
    for _ in range(2):
        done = repertoire("classify", "predict", table, "--model", "model", "--out", "all")
        assert done.exit_code == 0, done.output
    assert "On the rows that have a purchased" in done.output
    assert len(pd.read_parquet("all")) == 900


def test_factors_lie_beside_a_naive_bayes_model(repertoire: Command, table: Path) -> None:
    done = repertoire(
        "classify", "fit", table, "--label", "purchased", "--model-out", "m", "--algorithm", "naive_bayes", *FIT
    )
    assert done.exit_code == 0, done.output
    assert "The odds of 1 are" in done.output
    factors = pd.read_csv("m/factors.csv")
    assert set(factors.column) == {"age", "income", "total_usage"}
    shares = factors.groupby("column")[["given_positive", "given_other"]].sum()
    assert np.allclose(shares, 1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--label", "bought"), "no column bought. Columns found: age, income, total_usage, purchased."),
        (("--label", "purchased", "--algorithm", "forest"), "received 'forest'"),
        (("--label", "purchased", "--set", "classify.holdout=1"), "classify.holdout"),
        (("--label", "purchased", "--ignore", "agee"), "no column agee"),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_written(
    arguments: tuple[str, ...], message: str, repertoire: Command, table: Path
) -> None:
    before = sorted(Path().iterdir())
    done = repertoire("classify", "fit", table, "--model-out", "model", *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert sorted(Path().iterdir()) == before


def test_no_other_folder_is_overwritten(repertoire: Command, table: Path) -> None:
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear")
    done = repertoire("classify", "fit", table, "--label", "purchased", "--model-out", "mine")
    assert done.exit_code == 2
    assert "holds something else than a model" in done.output
    done = repertoire("classify", "predict", table, "--model", "mine", "--out", "x.parquet")
    assert done.exit_code == 2
    assert "there is no model.json, so no whole model" in done.output
    assert Path("mine/letter.txt").read_text() == "dear"


def test_a_fit_that_dies_leaves_the_old_model(
    repertoire: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("classify", "fit", table, "--label", "purchased", "--model-out", "model", *FIT)
    assert repertoire(*arguments, "--algorithm", "logistic").exit_code == 0
    before = Path("model/model.json").read_bytes()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("repertoire.learning.fit_classifier.measure", die)
    done = repertoire(*arguments, "--algorithm", "logistic")
    assert done.exit_code == 1
    assert Path("model/model.json").read_bytes() == before
    assert not list(Path().glob(".repertoire-*"))
