"""The choice among models: what is tried, within which bounds, and what is taken."""

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from tests.unit.candidates.toy import DAY, at, fitting, interactions, proposals, request

from repertoire.candidates.auto import auto_of
from repertoire.candidates.auto_choice import Choice, Trial, preferred
from repertoire.candidates.blend import blend_of
from repertoire.candidates.log_size import LogSize, core_seconds, log_size
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.errors import SettingsError
from repertoire.settings import AutoSettings, CandidateSettings

ITEMS = [f"i{item}" for item in range(10)]
USERS = [f"u{user}" for user in range(8)]


def trial(model: str, figures: list[float], price: float) -> Trial:
    return Trial(Choice(model, {}), np.array(figures), 1.0, price)


def test_the_best_is_preferred_or_a_cheaper_one_within_one_standard_error() -> None:
    best = trial("best", [0.5, 0.6, 0.7, 0.8], 3)
    # Lower by 0.1, 0, -0.02, 0: on average 0.02, with a standard error of 0.0271.
    close = trial("close", [0.4, 0.6, 0.72, 0.8], 2)
    far = trial("far", [0.4, 0.5, 0.6, 0.8], 1)  # 0.075 ± 0.025
    assert preferred([far, best])[0] is best
    chosen, why = preferred([far, close, best])
    assert chosen is close
    assert "within one standard error of the best of 3 trials: nDCG@10 0.6300, 0.0200 ± 0.0271 below best" in why
    assert "0.6500 is the highest of 2 trials" in preferred([best, far])[1]
    assert preferred([trial("first", [0.5, 0.5], 1), trial("second", [0.5, 0.5], 1)])[0].choice.model == "first"


def test_the_order_follows_from_the_size() -> None:
    settings = CandidateSettings()
    sparse = LogSize(10**6, 10**5, 10**5, 10**7, 10**7, True)
    assert core_seconds("ease", sparse, settings) > 10 * core_seconds("ials", sparse, settings)
    dense = LogSize(10**6, 10**4, 10**3, 2 * 10**8, 10**9, True)
    assert core_seconds("ease", dense, settings) < core_seconds("ials", dense, settings)
    for size in (sparse, dense):
        assert core_seconds("popular", size, settings) < core_seconds("item_knn", size, settings)
        assert core_seconds("als", size, settings) > core_seconds("unheard of", size, settings) > 0


def test_the_size_of_a_log_by_hand(spark: SparkSession) -> None:
    rows = [("a", "x", 1.0, 0.0, True, at(1)), ("a", "y"), ("b", "x"), ("b", "refused", 0.0, 1.0)]
    assert log_size(interactions(spark, rows)) == LogSize(3, 2, 2, 5, 5, True)
    assert log_size(interactions(spark, rows[1:])) == LogSize(2, 2, 2, 2, 2, False)
    assert log_size(interactions(spark, [])) == LogSize(0, 0, 0, 0, 0, False)


class Lab:
    """Models that give everybody the same items, best first; a clock that each fit moves on; what was said."""

    def __init__(self, spark: SparkSession, folder: Path, orders: dict[str, list[str] | Exception]) -> None:
        self.spark, self.folder, self.now = spark, folder, 0.0
        self.said: list[str] = []
        self.fits: list[str] = []
        self.models = {name: self._model(name, order) for name, order in orders.items()}
        self.models["blend"] = blend_of(self.models.__getitem__)
        # The last two of ten are what is held back of everybody: i8 and i9.
        rows = [(user, item, 1.0, 0.0, True, at(20 - int(item[1]))) for user in USERS for item in ITEMS]
        self.frame = interactions(spark, rows).localCheckpoint()

    def _model(self, name: str, order: list[str] | Exception) -> Recommender:
        def fit(fitting: Fitting) -> FittedModel:
            self.fits.append(name)
            self.now += 10
            if isinstance(order, Exception):
                raise order
            rows = [(item, float(-place)) for place, item in enumerate(order)]
            table = fitting.spark.createDataFrame(rows, "item_id string, score double")
            return FittedModel(name, {"scores": table}, {"k1": "v1"})

        def propose(model: FittedModel, asked: Request) -> Any:
            rows = sorted((-row.score, row.item_id) for row in model.tables["scores"].collect())[: asked.k]
            listed = [
                (user.user_id, item, -score, rank + 1, name)
                for user in asked.users.collect()
                for rank, (score, item) in enumerate(rows)
            ]
            return asked.spark.createDataFrame(
                listed, "user_id string, item_id string, score double, rank int, reason string"
            )

        return Recommender(name, fit, propose)

    def fitting(self, **settings: Any) -> Fitting:
        candidates = CandidateSettings(auto=AutoSettings(**settings))
        return dataclasses.replace(fitting(self.frame, self.folder, candidates), say=self.said.append)

    @property
    def auto(self) -> Recommender:
        return auto_of(self.models, clock=lambda: self.now)


GOOD, MIDDLING, BAD = ["i8", "i9", "i0", "i1"], ["i0", "i8", "i1", "i9"], ["i0", "i1", "i2"]


@pytest.fixture
def lab(spark: SparkSession, tmp_path: Path) -> Lab:
    orders = {
        "popular": BAD,
        "item_knn": MIDDLING,
        "ials": GOOD,
        "ease": SettingsError("ease: too many items"),
        "slim": RuntimeError("out of luck"),
        "popular_in_segment": GOOD,
        "als": GOOD,
    }
    return Lab(spark, tmp_path, orders)


def test_the_best_is_chosen_told_and_fitted_on_everything(lab: Lab, spark: SparkSession) -> None:
    model = lab.auto.fit(lab.fitting(trials=20, variants=1))
    told = "\n".join(lab.said)
    # By hand: i8 second and i9 fourth, over first and second.
    second_and_fourth = (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3))
    assert f"auto: item_knn: nDCG@10 {second_and_fourth:.4f}, 10.0 s" in told
    assert "auto: ials: nDCG@10 1.0000" in told
    assert "auto: without ease: ease: too many items" in told
    assert "auto: without slim: RuntimeError; slim by itself says more" in told
    assert "auto: ials, since its nDCG@10 of 1.0000 is the highest" in told
    assert "als" not in lab.fits
    assert "popular_in_segment" not in lab.fits
    assert lab.fits[0] == "popular", "the cheapest first"
    assert lab.fits[-1] == "ials", "once more, on everything"
    assert lab.fits.count("ials") == lab.fits.count("item_knn") + 1 == 3, (
        "as they are and with one variant; the best again"
    )
    trials = model.metadata["choice"]["trials"]
    assert [one["model"] for one in trials][:3] == ["popular", "item_knn", "ials"]
    assert all(one["settings"][one["model"]] for one in trials[3:5]), "variants"
    assert model.metadata["model"] == "ials"
    assert model.metadata["fitted"] == {"k1": "v1"}
    asked = request(lab.frame, CandidateSettings(), ["u1", "u2"], 2)
    assert [row[:2] for row in proposals(lab.auto.propose(model, asked))] == [
        ("u1", "i8"), ("u1", "i9"), ("u2", "i8"), ("u2", "i9"),
    ]  # fmt: skip


def test_trials_bound_it_whatever_the_clock_says(lab: Lab) -> None:
    model = lab.auto.fit(lab.fitting(trials=2, budget_seconds=1, models=["item_knn", "popular", "ials"]))
    assert lab.fits == ["popular", "item_knn", "item_knn"]
    assert model.metadata["model"] == "item_knn"
    assert any(text.startswith("auto: without ials: about") for text in lab.said)


def test_seconds_bound_it_by_the_clock(lab: Lab) -> None:
    # A fit moves the clock on by 10 seconds: the third trial would begin at 20.
    model = lab.auto.fit(lab.fitting(budget_seconds=19, models=["item_knn", "popular", "ials"], blend=False))
    assert lab.fits == ["popular", "item_knn", "item_knn"]
    assert [one["seconds"] for one in model.metadata["choice"]["trials"]] == [10.0, 10.0]


@pytest.mark.parametrize("seconds", [0.5, 11])
def test_too_short_a_budget_falls_to_the_default_with_a_word(lab: Lab, seconds: float) -> None:
    model = lab.auto.fit(lab.fitting(budget_seconds=seconds, default_model="item_knn"))
    assert model.metadata["model"] == "item_knn"
    assert "auto: item_knn, since no other could be tried within the bounds" in lab.said


def test_nothing_to_hold_back_falls_to_the_default_with_a_word(lab: Lab, spark: SparkSession) -> None:
    asked = dataclasses.replace(lab.fitting(), interactions=interactions(spark, [("a", "x"), ("b", "y")]))
    assert lab.auto.fit(asked).metadata["model"] == "ials"
    assert "auto: ials, since nothing can be held back of so small a log" in lab.said


def test_the_same_trials_give_the_same_choice(lab: Lab) -> None:
    one, other = (lab.auto.fit(lab.fitting(trials=12)).metadata for _ in range(2))
    assert one == other


def test_models_that_need_times_are_left_out_where_there_are_none(lab: Lab, spark: SparkSession) -> None:
    lab.models["sequential"] = lab._model("sequential", GOOD)
    untimed = interactions(spark, [(user, item) for user in USERS for item in ITEMS])
    lab.auto.fit(dataclasses.replace(lab.fitting(trials=9), interactions=untimed))
    assert "auto: without sequential: the log has no times" in lab.said
    assert "sequential" not in lab.fits
    lab.auto.fit(lab.fitting(trials=9))
    assert "sequential" in lab.fits


def test_the_best_together_where_that_is_better(spark: SparkSession, tmp_path: Path) -> None:
    # Each of the two has one of what was held back on top; together both.
    orders: dict[str, list[str] | Exception] = {
        "popular": BAD,
        "item_knn": ["i8", "i0", "i1", "i2", "i3", "i9"],
        "ials": ["i9", "i4", "i5", "i6", "i7", "i8"],
    }
    lab = Lab(spark, tmp_path, orders)
    model = lab.auto.fit(lab.fitting(trials=20, variants=0))
    assert model.metadata["model"] == "blend"
    weights = model.metadata["choice"]["settings"]["blend"]["weights"]
    assert set(weights) == {"item_knn", "ials"}
    assert model.metadata["choice"]["trials"][-1]["ndcg@10"] == 1.0
    asked = request(lab.frame, CandidateSettings(), ["u3"], 2)
    assert {row[1] for row in proposals(lab.auto.propose(model, asked))} == {"i8", "i9"}
    assert lab.auto.fit(lab.fitting(trials=20, variants=0, blend=False)).metadata["model"] != "blend"


def test_a_choice_is_kept_for_some_days(lab: Lab) -> None:
    chosen = lab.auto.fit(lab.fitting(trials=3, models=["item_knn", "popular", "ials"]))
    earlier = dataclasses.replace(chosen, metadata={**chosen.metadata, "model_version": "auto of yesterday"})

    def later(days: int, **settings: Any) -> FittedModel:
        given = {"trials": 3, "models": ["item_knn", "popular", "ials"], **settings}
        asked = dataclasses.replace(
            lab.fitting(**given), as_of=DAY + dt.timedelta(days=days), previous={"auto": earlier}.get
        )
        lab.fits.clear()
        return lab.auto.fit(asked)

    kept = later(6, choose_days=7)
    assert lab.fits == ["ials"]
    assert kept.metadata["choice"]["chosen_by"] == "auto of yesterday"
    assert kept.metadata["choice"]["chosen_on"] == DAY.isoformat()
    assert kept.metadata["choice"]["trials"] == chosen.metadata["choice"]["trials"]
    assert f"auto: ials, since it was chosen on {DAY}" in lab.said
    assert later(7, choose_days=7).metadata["choice"]["chosen_by"] is None
    assert len(lab.fits) == 4
    later(6, choose_days=7, trials=4)
    assert len(lab.fits) > 4, "other settings of auto choose anew"
    later(1)
    assert len(lab.fits) == 4


def test_the_model_within_is_what_the_chosen_one_may_start_from(lab: Lab) -> None:
    seen: list[FittedModel | None] = []
    plain = lab.models["ials"]

    def fit(fitting: Fitting) -> FittedModel:
        seen.append(fitting.previous("ials"))
        return plain.fit(fitting)

    lab.models["ials"] = dataclasses.replace(plain, fit=fit)
    chosen = lab.auto.fit(lab.fitting(trials=1, models=["ials"]))
    earlier = dataclasses.replace(chosen, metadata={**chosen.metadata, "model_version": "version"})
    seen.clear()
    tomorrow = DAY + dt.timedelta(days=1)
    asked = dataclasses.replace(lab.fitting(trials=1, models=["ials"]), as_of=tomorrow, previous={"auto": earlier}.get)
    lab.auto.fit(asked)
    assert seen[0] is None, "a trial starts from nothing"
    assert seen[-1] is not None
    assert (seen[-1].name, seen[-1].metadata["model_version"]) == ("ials", "version")


def test_wrong_settings_are_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="auto chooses among single models"):
        AutoSettings(models=["ials", "blend"])
    with pytest.raises(SettingsError, match='unknown model "itemknn"; did you mean "item_knn"'):
        lab.auto.fit(lab.fitting(models=["itemknn"]))
