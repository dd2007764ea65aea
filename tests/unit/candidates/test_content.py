"""Items alike by the catalogue: terms by hand, similarities against scikit-learn and by formula, and the lists that follow."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from sklearn.feature_extraction.text import TfidfVectorizer
from tests.unit.candidates.toy import fitting, interactions, proposals, request

from repertoire.candidates import pair_matrix
from repertoire.candidates.catalogue_terms import FIELDS, terms_of
from repertoire.candidates.recommender import FittedModel
from repertoire.candidates.registry import recommender
from repertoire.candidates.words import words
from repertoire.errors import InputError, SettingsError
from repertoire.pipeline import train_candidates
from repertoire.settings import BlendSettings, CandidateSettings, ContentSettings, ContentWeights

SCHEMA = (
    "item_id string, title string, category string, creator_id string, tags array<string>, description string, "
    "price double, released date"
)
NOTHING = ContentWeights(**dict.fromkeys(FIELDS, 0.0))
WORDS = ["sea", "storm", "ship", "love", "war", "paris", "the", "a", "night", "river", "重庆", "café"]
CONTENT = recommender("content")


def catalogue(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    names = [column.split()[0] for column in SCHEMA.split(", ")]
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], SCHEMA)


def made_up(seed: int = 3) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)

    def text(most: int) -> str | None:
        chosen = random.choice(WORDS, random.integers(0, most))
        return " ".join(chosen) if random.random() < 0.9 else None

    return [
        {
            "item_id": f"i{number:02}",
            "title": text(5),
            "description": text(15),
            "tags": sorted(set(random.choice(["noir", "sci-fi", "war"], random.integers(0, 3)))),
            "creator_id": str(random.choice(["ann", "bob", "eve"])) if random.random() < 0.7 else None,
        }
        for number in range(40)
    ]


def pairs() -> list[tuple]:
    """Ten users; nobody wanted the last eight items, and i00 was only refused."""
    random = np.random.default_rng(5)
    rows = [(f"u{user}", f"i{item:02}") for user in range(10) for item in range(1, 32) if random.random() < 0.3]
    return [*rows, ("u0", "i00", 1.0, 2.0), ("u9", "not in the catalogue")]


def fitted(spark: SparkSession, folder: Path, settings: ContentSettings, rows: list[dict[str, Any]]) -> FittedModel:
    asked = CandidateSettings(content=settings)
    return CONTENT.fit(fitting(interactions(spark, pairs()), folder, asked, items=catalogue(spark, rows)))


def similarities(model: FittedModel) -> dict[str, dict[str, float]]:
    """item → neighbour → weight."""
    rows = {row["item_id"]: row for row in model.tables["similar_items"].collect()}
    ids = sorted(rows)
    return {
        item: {ids[place]: weight for place, weight in zip(row["neighbours"], row["weights"], strict=True)}
        for item, row in rows.items()
    }


def expected(ids: list[str], cosines: np.ndarray, most: int = 10**9) -> dict[str, dict[str, float]]:
    """Each item's largest cosines with items that were wanted."""
    wanted = {pair[1] for pair in pairs() if len(pair) == 2}
    found = {}
    for row, item in enumerate(ids):
        rated = [(-cosines[row, place], other) for place, other in enumerate(ids) if other in wanted and other != item]
        found[item] = {other: -value for value, other in sorted(rated)[:most] if value < 0}
    return found


def test_words_by_hand() -> None:
    texts = [
        "Crème Brûlée: don\u2019t 2nd-guess!",
        "重庆森林 Chungking, 家",
        "がFILM版",
        None,
        " …\n",
        "ＦＵＬＬ Ⅷ İz",
        "ไทย हिन्दी 한국어",
        "a\U0001f3ac\u200bb\x00c",
    ]
    rows, found = words(pa.array(texts, pa.string()))
    by_text: list[list[str]] = [[] for _ in texts]
    for row, word in zip(rows, found.to_pylist(), strict=True):
        by_text[row].append(word)
    assert [sorted(each) for each in by_text] == [
        ["2nd", "brulee", "creme", "dont", "guess"],
        ["chungking", "家", "庆森", "森林", "重庆"],
        ["film", "が", "版"],
        [],
        [],
        ["full", "iz", "viii"],
        ["हिन्दी", "ทย", "ไท", "한국어"],
        ["a", "b", "c"],
    ]


def test_terms_by_hand(spark: SparkSession) -> None:
    rows = [
        {
            "item_id": "x",
            "title": "War and war",
            "tags": ["Sci-Fi", "sci-fi", ""],
            "category": " Film ",
            "creator_id": "Zoë",
            "price": 6.0,
            "released": dt.date(1999, 5, 1),
        },
        {"item_id": "y", "price": 0.0, "tags": [], "title": ""},
        {"item_id": "z", "price": float("nan")},
    ]
    [batch] = catalogue(spark, rows).toArrow().combine_chunks().to_batches()
    found = terms_of(batch, FIELDS).to_pylist()
    assert {(row["item_id"], row["user_id"]): row["occurrences"] for row in found} == {
        ("x", "0war"): 2,
        ("x", "0and"): 1,
        ("x", "2sci-fi"): 2,
        ("x", "3film"): 1,
        ("x", "4zoe"): 1,
        ("x", "52"): 1,  # from 4 to 8
        ("x", "53+"): 1,  # from 5.7 to 11.3
        ("x", "6199"): 1,
        ("x", "6200+"): 1,  # 1995 to 2004
        ("y", "5free"): 1,
    }
    assert terms_of(batch, ["title"]).num_rows == 2


@pytest.mark.quick
def test_tfidf_is_that_of_scikit_learn(spark: SparkSession, tmp_path: Path) -> None:
    weights = NOTHING.model_copy(update={"title": 1.0})
    model = fitted(spark, tmp_path, ContentSettings(weighting="tfidf", weights=weights), made_up())
    titled = [row for row in made_up() if row["title"]]
    profiles = TfidfVectorizer(token_pattern=r"\w+", strip_accents="unicode").fit_transform(
        [row["title"] for row in titled]
    )
    cosines = expected([row["item_id"] for row in titled], (profiles @ profiles.T).toarray())
    found = similarities(model)
    assert found.keys() == cosines.keys()
    for item, neighbours in cosines.items():
        assert found[item] == pytest.approx(neighbours, rel=1e-5)
    assert sum(map(len, found.values())) > 200
    assert found["i39"], "nobody wanted it, and it has neighbours"
    assert not any({"i00", "i35"} & neighbours.keys() for neighbours in found.values())


def bm25(texts: list[list[str]], saturation: float, length_share: float, most: int) -> np.ndarray:
    """(n, n): cosines of profiles, one text after the other."""
    documents = Counter(term for text in texts for term in set(text))
    mean = np.mean([len(text) for text in texts if text])
    profiles = []
    for text in texts:
        longer = 1 - length_share + length_share * len(text) / mean
        profile = {
            term: np.log(1 + (len(texts) - documents[term] + 0.5) / (documents[term] + 0.5))
            * count * (saturation + 1) / (count + saturation * longer)
            for term, count in Counter(text).items()
            if documents[term] <= most
        }  # fmt: skip
        size = np.sqrt(sum(weight**2 for weight in profile.values())) or 1
        profiles.append({term: weight / size for term, weight in profile.items()})
    return np.array(
        [[sum(w * other.get(term, 0) for term, w in one.items()) for other in profiles] for one in profiles]
    )


@pytest.mark.parametrize("most", [10**6, 25])
def test_fields_by_bm25_and_their_weights(spark: SparkSession, tmp_path: Path, most: int) -> None:
    rows = made_up()
    strengths = {"title": 1.0, "description": 2.0, "tags": 0.5, "creator_id": 0.25}
    settings = ContentSettings(
        weights=NOTHING.model_copy(update=strengths),
        saturation=0.8,
        length_share=0.4,
        neighbors=7,
        max_items_of_a_term=most,
    )
    texts = {
        field: [(row[field] or "").replace("é", "e").split() if field != "tags" else row[field] for row in rows]
        for field in strengths
    }
    texts["creator_id"] = [[row["creator_id"]] if row["creator_id"] else [] for row in rows]
    by_field = {field: bm25(texts[field], 0.8, 0.4, most) for field in strengths}
    sizes = sum(strengths[field] * (np.diag(cosines) > 0) for field, cosines in by_field.items())
    cosines = sum(strengths[field] * each for field, each in by_field.items()) / np.sqrt(np.outer(sizes, sizes))
    found = similarities(fitted(spark, tmp_path, settings, rows))
    assert len(found) == len(rows)
    for item, neighbours in expected([row["item_id"] for row in rows], cosines, 7).items():
        np.testing.assert_allclose(sorted(found[item].values()), sorted(neighbours.values()), rtol=1e-5)
        place = [row["item_id"] for row in rows].index(item)
        for other, weight in found[item].items():
            assert weight == pytest.approx(cosines[place, int(other[1:])], rel=1e-5)


@pytest.mark.quick
def test_a_new_item_goes_to_who_likes_its_creator(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        {"item_id": "old", "creator_id": "miles", "title": "Kind of Blue"},
        {"item_id": "new", "creator_id": "Miles", "title": "未发行的录音"},
        {"item_id": "other", "creator_id": "bach", "title": "Fugues"},
        {"item_id": "another", "creator_id": "bach", "title": "Preludes"},
        {"item_id": "silent"},
    ]
    frame = interactions(spark, [("ann", "old"), ("bob", "other"), ("cat", "silent"), ("dan", "old", 1.0, 2.0)])
    model = CONTENT.fit(fitting(frame, tmp_path, CandidateSettings(), items=catalogue(spark, rows)))
    found = proposals(CONTENT.propose(model, request(frame, CandidateSettings(), ["ann", "bob", "cat", "dan"], k=5)))
    assert [(user, item, reason) for user, item, _, _, reason in found] == [
        ("ann", "new", "because_of:old"),
        ("bob", "another", "because_of:other"),
    ]
    barred = request(frame, CandidateSettings(), ["ann", "bob"], k=5, eligible=["another", "old"])
    assert [row[:2] for row in proposals(CONTENT.propose(model, barred))] == [("bob", "another")]


def test_chinese_titles_share_what_they_are_about(spark: SparkSession, tmp_path: Path) -> None:
    titles = {"a": "红楼梦", "b": "红楼梦研究", "c": "三国演义", "d": "三国志", "e": "西游记"}
    rows = [{"item_id": item, "title": title} for item, title in titles.items()]
    frame = interactions(spark, [("u", "a"), ("w", "c")])
    model = CONTENT.fit(fitting(frame, tmp_path, CandidateSettings(), items=catalogue(spark, rows)))
    found = proposals(CONTENT.propose(model, request(frame, CandidateSettings(), ["u", "w"], k=5)))
    assert [row[:2] for row in found] == [("u", "b"), ("w", "d")]


def test_one_item_has_nothing_like_it(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, [("u", "a")])
    items = catalogue(spark, [{"item_id": "a", "title": "alone"}])
    model = CONTENT.fit(fitting(frame, tmp_path, CandidateSettings(), items=items))
    assert similarities(model) == {"a": {}}
    assert proposals(CONTENT.propose(model, request(frame, CandidateSettings(), ["u"], k=3))) == []


def test_the_same_bits_whatever_the_order_the_parts_and_the_tasks(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = [{"item_id": "odd/é\u0000", "title": "\ud7ff\U0010ffff \u202e", "description": "x" * 100_000, "price": -1.0}]
    rows = [*made_up(), *odd, made_up()[3]]
    settings = CandidateSettings(content=ContentSettings(neighbors=6))
    found = []
    for most, order, parts in ((10**9, 1, 1), (10**9, -1, 8), (0, 1, 3)):
        monkeypatch.setattr(pair_matrix, "pairs_of_one_task", lambda spark, most=most: most)
        items = catalogue(spark, rows[::order]).repartition(parts)
        model = CONTENT.fit(fitting(interactions(spark, pairs()), tmp_path / f"{most}{order}", settings, items=items))
        found.append(similarities(model))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 41


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, r"content has no catalogue .* title, description, tags, .* --items FILE .* ingest.items"),
        ([], r"it holds nothing in title, description, tags"),
        ([{"item_id": "i01"}, {"item_id": "i02", "title": " ", "tags": []}], "it holds nothing in title"),
        ([{"item_id": "SKU-7", "title": "x"}], r"names none of the 31 wanted items: .* like SKU-7, the log's like i01"),
    ],
)
def test_a_catalogue_that_does_not_do_is_refused(
    spark: SparkSession, tmp_path: Path, rows: list[dict[str, Any]] | None, message: str
) -> None:
    items = None if rows is None else catalogue(spark, rows)
    with pytest.raises(InputError, match=message):
        CONTENT.fit(fitting(interactions(spark, pairs()), tmp_path, CandidateSettings(), items=items))


def test_nothing_wanted_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = interactions(spark, [("u", "i01", 0.0, 1.0)])
    with pytest.raises(InputError, match="content has nothing to learn from"):
        CONTENT.fit(fitting(frame, tmp_path, CandidateSettings(), items=catalogue(spark, made_up())))


def test_more_neighbours_than_the_driver_may_hold_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    rows = [{"item_id": f"i{number:02}", "title": "x"} for number in range(2000)]
    with pytest.raises(SettingsError, match=r"30 neighbours of 2,000 items .* 1 MB .*max_memory_mb \(1\)"):
        fitted(spark, tmp_path, ContentSettings(max_memory_mb=1), rows)


def test_fitting_takes_few_spark_jobs(spark: SparkSession, tmp_path: Path, jobs_of: Callable[..., int]) -> None:
    items, frame = catalogue(spark, made_up()).localCheckpoint(), interactions(spark, pairs()).localCheckpoint()
    asked = fitting(frame, tmp_path, CandidateSettings(), items=items)
    jobs = jobs_of(lambda: CONTENT.fit(asked).tables["similar_items"].write.parquet(str(tmp_path / "out")))
    assert 1 <= jobs <= 5


def test_a_blend_takes_it_in(spark: SparkSession, tmp_path: Path) -> None:
    settings = CandidateSettings(blend=BlendSettings(sources=["item_knn", "content"]))
    frame, blend = interactions(spark, pairs()), recommender("blend")
    model = blend.fit(fitting(frame, tmp_path / "with", settings, items=catalogue(spark, made_up())))
    assert "content.similar_items" in model.tables
    words: list[str] = []
    without = replace(fitting(frame, tmp_path / "without", settings), say=words.append)
    assert list(blend.fit(without).metadata["weights"]) == ["item_knn"]
    assert any("without content: content has no catalogue" in line for line in words)


def test_a_models_version_depends_on_the_catalogue_where_it_learns_from_it(spark: SparkSession, tmp_path: Path) -> None:
    frame, rows = interactions(spark, pairs()), made_up()
    changed = [{**rows[0], "title": "another"}, *rows[1:]]
    blend = BlendSettings(sources=["item_knn", "content"])
    weighed = BlendSettings(sources=["content"], weights={"item_knn": 1.0, "content": 0.0})

    def versions(settings: CandidateSettings) -> set[str]:
        frames = [catalogue(spark, each) for each in (rows, changed, rows[::-1])]
        return {train_candidates._hash_of(fitting(frame, tmp_path, settings, items=items)) for items in frames}

    assert len(versions(CandidateSettings(models=["content"]))) == 2
    assert len(versions(CandidateSettings(models=["als", "blend"], blend=blend))) == 2
    assert len(versions(CandidateSettings(models=["als", "blend"], blend=weighed))) == 1
    assert len(versions(CandidateSettings(models=["als", "item_knn"]))) == 1
