"""Popularity within segments by hand: who has one, what counts in it, and what is not proposed."""

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.candidates.toy import at, factors, fitting, interactions, proposals, request

from repertoire.candidates.popular_in_segment import POPULAR_IN_SEGMENT
from repertoire.errors import SettingsError
from repertoire.settings import CandidateSettings, PopularSettings


def by(*columns: str, least: int = 2) -> CandidateSettings:
    return CandidateSettings(
        popular=PopularSettings(half_life_days=10.0, segment_by=list(columns), min_segment_users=least)
    )


SETTINGS = by("country", "age_band")
PAIRS = [
    # DE/25-34 are u1 and u2: a has 2 votes, b half a one.
    ("u1", "a"),
    ("u2", "a"),
    ("u1", "b", 1.0, 0.0, True, at(10)),
    # AT/25-34 are u3, u4 and u5: c has 2 votes, a one; d was refused.
    ("u3", "c"),
    ("u4", "c"),
    ("u5", "a"),
    ("u3", "d", 0.0, 1.0),
    # u6 lacks an age band; u7 is alone in FR/25-34, where u8 wants nothing.
    ("u6", "a"),
    ("u7", "a"),
    ("u8", "a", 0.0, 1.0),
]


def people(spark: SparkSession) -> DataFrame:
    countries = {"u1": "DE", "u2": "DE", "u3": "AT", "u4": "AT", "u5": "AT", "u6": "DE", "u7": "FR", "u8": "FR"}
    rows = [(user, None if user == "u6" else "25-34", country) for user, country in countries.items()]
    return spark.createDataFrame([*rows, ("new", "25-34", "DE")], "user_id string, age_band string, country string")


@pytest.mark.quick
def test_by_hand(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, PAIRS)
    model = POPULAR_IN_SEGMENT.fit(fitting(frame, tmp_path, SETTINGS, people(spark)))
    assert model.metadata["segments"] == ["AT/25-34", "DE/25-34"]
    assert (model.metadata["items"], model.metadata["factors"]) == (3, 2)
    assert factors(model.tables["item_factors"]) == {"a": [0.5, 1.0], "b": [0.0, 0.25], "c": [1.0, 0.0]}
    users = ["u1", "u3", "u6", "u7", "u8", "new", "stranger"]
    assert proposals(POPULAR_IN_SEGMENT.propose(model, request(frame, SETTINGS, users, k=5))) == [
        ("new", "a", 1.0, 1, "popular_in:DE/25-34"),
        ("new", "b", 0.25, 2, "popular_in:DE/25-34"),  # nobody there wanted c
        ("u3", "a", 0.5, 1, "popular_in:AT/25-34"),
    ]


def test_only_votes_in_the_window_count(spark: SparkSession, tmp_path: Path) -> None:
    rows = [*PAIRS, ("u7", "b", 1.0, 0.0, True, at(8)), ("u8", "b", 1.0, 0.0, True, at(9))]
    timed = [(*row[:2], 1.0, 0.0, True, at(8)) if row[0] == "u7" else row for row in rows]
    frame = interactions(spark, timed)
    popular = PopularSettings(half_life_days=None, window_days=7, segment_by=["country"], min_segment_users=2)
    settings = CandidateSettings(popular=popular)
    model = POPULAR_IN_SEGMENT.fit(fitting(frame, tmp_path, settings, people(spark)))
    # What DE wanted of b, and all that FR wanted, is older.
    assert model.metadata["segments"] == ["AT", "DE", "FR"]
    assert factors(model.tables["item_factors"]) == {"a": [0.5, 1.0, 0.0], "b": [0.0, 0.0, 0.0], "c": [1.0, 0.0, 0.0]}
    asked = request(frame, settings, ["new", "u6", "u8"], k=5)
    assert proposals(POPULAR_IN_SEGMENT.propose(model, asked)) == [("new", "a", 1.0, 1, "popular_in:DE")]


def test_one_column_makes_a_segment(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, PAIRS)
    model = POPULAR_IN_SEGMENT.fit(fitting(frame, tmp_path, by("country", least=1), people(spark)))
    assert model.metadata["segments"] == ["AT", "DE", "FR"]
    asked = request(frame, SETTINGS, ["u6", "u8"], k=5)
    assert proposals(POPULAR_IN_SEGMENT.propose(model, asked)) == [
        # a has three votes in DE, but u6 has seen it, as has u8 in FR.
        ("u6", "b", pytest.approx(1 / 6, abs=1e-6), 1, "popular_in:DE"),
    ]


@pytest.mark.parametrize("settings", [by(), by("country", least=100)])
def test_no_segments(spark: SparkSession, tmp_path: Path, settings: CandidateSettings) -> None:
    frame = interactions(spark, PAIRS)
    for users in (None, people(spark)):
        model = POPULAR_IN_SEGMENT.fit(fitting(frame, tmp_path, settings, users))
        assert model.metadata["segments"] == []
        assert all(table.collect() == [] for table in model.tables.values())
        assert proposals(POPULAR_IN_SEGMENT.propose(model, request(frame, settings, ["u1", "new"], k=5))) == []


def test_a_column_that_users_lack_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, PAIRS)
    with pytest.raises(SettingsError, match=r'segment_by: unknown column of users "contry"; did you mean "country"'):
        POPULAR_IN_SEGMENT.fit(fitting(frame, tmp_path, by("contry"), people(spark)))
