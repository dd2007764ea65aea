"""`repertoire evaluate` on files: every format gives the same figures, every fault is named."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError, SettingsError
from repertoire.evaluation.evaluate_files import FileEvaluation, evaluate_files
from repertoire.evaluation.ranking_metrics import METRICS
from repertoire.evaluation.truth_file import read_truth

LISTS = pd.DataFrame(
    [("1", "10", 1), ("1", "11", 2), ("2", "11", 1), ("2", "10", 2)], columns=["user_id", "item_id", "rank"]
)
TRUTH = pd.DataFrame([("1", "10"), ("2", "10"), ("3", "10")], columns=["user_id", "item_id"])


def csv(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def values(found: FileEvaluation) -> dict[tuple[str, int], float | None]:
    return {(one.metric, one.k): one.value for one in found.measurements}


def write_parquet(frame: pd.DataFrame, folder: Path) -> str:
    """Two files in a folder, the ids as numbers."""
    folder.mkdir()
    numbers = frame.astype(int)
    numbers[:1].to_parquet(folder / "part-0.parquet")
    numbers[1:].to_parquet(folder / "part-1.parquet")
    (folder / "_SUCCESS").touch()
    return str(folder)


def write_csv(frame: pd.DataFrame, folder: Path) -> str:
    frame.to_csv(f"{folder}.csv", index=False)
    return f"{folder}.csv"


def write_tsv_gz(frame: pd.DataFrame, folder: Path) -> str:
    frame.to_csv(f"{folder}.tsv.gz", index=False, sep="\t")
    return f"{folder}.tsv.gz"


def write_jsonl_gz(frame: pd.DataFrame, folder: Path) -> str:
    lines = "".join(json.dumps(row) + "\n" for row in frame.astype(int).to_dict("records"))
    Path(f"{folder}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return f"{folder}.jsonl.gz"


@pytest.mark.parametrize("write", [write_parquet, write_csv, write_tsv_gz, write_jsonl_gz])
def test_every_format_gives_the_same_figures(
    spark: SparkSession, tmp_path: Path, write: Callable[[pd.DataFrame, Path], str]
) -> None:
    """User 1 has the item at 1, user 2 at 2, user 3 has no list."""
    found = evaluate_files(spark, write(LISTS, tmp_path / "lists"), write(TRUTH, tmp_path / "truth"), [1, 2])
    assert values(found)["recall", 1] == pytest.approx(1 / 3)
    assert values(found)["recall", 2] == pytest.approx(2 / 3)
    assert values(found)["mrr", 2] == pytest.approx((1 + 1 / 2) / 3)
    assert {metric for metric, _ in values(found)} == {*METRICS, "sufficient"}
    assert (found.users, found.users_without_list, found.lists_without_truth) == (2, 1, 0)
    assert {one.users for one in found.measurements if one.metric in METRICS} == {3}
    assert {one.model for one in found.measurements} == {"recommendations"}


def test_scores_make_the_ranks_where_there_are_none(spark: SparkSession, tmp_path: Path) -> None:
    """b and c are equal, so b comes first: a c-lover's first hit is at 3. Scores are numbers, not words: 9 < 10."""
    lists = csv(tmp_path, "lists.csv", "user_id,item_id,score\nu,c,9\nu,a,10\nu,b,9\n")
    truth = csv(tmp_path, "truth.csv", "user_id,item_id\nu,c\n")
    assert values(evaluate_files(spark, lists, truth, [3]))["mrr", 3] == pytest.approx(1 / 3)


def test_a_hole_in_the_ranks_is_a_miss_and_counted(spark: SparkSession, tmp_path: Path) -> None:
    lists = csv(tmp_path, "lists.csv", "user_id,item_id,rank\nu,a,2\nu,b,5\nv,a,1\n")
    truth = csv(tmp_path, "truth.csv", "user_id,item_id\nu,b\n")
    found = evaluate_files(spark, lists, truth, [4, 5])
    assert (found.empty_places, found.lists_without_truth) == (3, 1)
    assert (values(found)["mrr", 4], values(found)["mrr", 5]) == (0, pytest.approx(1 / 5))


def test_gains_that_differ_are_graded_and_repeated_pairs_count_once(spark: SparkSession, tmp_path: Path) -> None:
    """The truth is a log: a with 1 and later 3, so 3; b with 1; c with 0 is not relevant."""
    lists = csv(tmp_path, "lists.csv", "user_id,item_id,rank\nu,b,1\nu,c,2\n")
    truth = csv(tmp_path, "truth.csv", "user_id,item_id,value\nu,a,1\nu,b,1\nu,a,3\nu,c,0\n")
    found = evaluate_files(spark, lists, truth, [1], catalogue_size=4)
    assert values(found)["recall", 1] == 1 / 2
    assert values(found)["graded_ndcg", 1] == pytest.approx(1 / 3)
    assert values(found)["coverage", 1] == 1 / 4
    assert found.repeated_truth_rows == 1


def test_gains_that_are_all_equal_are_not_graded(spark: SparkSession, tmp_path: Path) -> None:
    lists = csv(tmp_path, "lists.csv", "user_id,item_id,rank\nu,b,1\n")
    truth = csv(tmp_path, "truth.csv", "user_id,item_id,gain\nu,a,2\nu,b,2\nu,c,0\n")
    found = values(evaluate_files(spark, lists, truth, [1]))
    assert ("graded_ndcg", 1) not in found
    assert found["recall", 1] == 1 / 2


GOOD_LISTS = "user_id,item_id,rank\nu,a,1\n"
GOOD_TRUTH = "user_id,item_id\nu,a\n"


@pytest.mark.parametrize(
    ("lists", "truth", "message"),
    [
        (
            "user,item,rank\nu,a,1\n",
            GOOD_TRUTH,
            "lists.csv: no column user_id, item_id. Columns found: user, item, rank.",
        ),
        ("user_id,item_id,place\nu,a,1\n", GOOD_TRUTH, "lists.csv: neither a column rank nor a column score"),
        (GOOD_LISTS, "user_id,movie\nu,a\n", "truth.csv: no column item_id. Columns found: user_id, movie."),
        ("", GOOD_TRUTH, "lists.csv: no column user_id, item_id. Columns found: none."),
        (
            "user_id,item_id,rank\nu,a,0\n",
            GOOD_TRUTH,
            "rows whose rank is not 1, 2, 3, …, or whose score is no number: 1, such as user 'u', item 'a': ",
        ),
        ("user_id,item_id,rank\nu,a,1.5\nu,b,2\n", GOOD_TRUTH, "such as user 'u', item 'a': '1.5'"),
        ("user_id,item_id,rank\nu,a,first\n", GOOD_TRUTH, "such as user 'u', item 'a': 'first'"),
        (
            "user_id,item_id,rank\nu,a,99999999999\n",
            GOOD_TRUTH,
            "rows whose rank is not 1, 2, 3, …, or whose score is no number: 1, such as user 'u', item 'a': ",
        ),
        (
            "user_id,item_id,score\nu,a,NaN\n",
            GOOD_TRUTH,
            "whose score is no number: 1, such as user 'u', item 'a': 'NaN'",
        ),
        ("user_id,item_id,score\nu,a,\n", GOOD_TRUTH, "whose score is no number: 1, such as user 'u', item 'a': None"),
        (
            "user_id,item_id,rank\nu,a,1\nu,b,2\nu,a,3\n",
            GOOD_TRUTH,
            "rows whose item is in the list more than once: 2, such",
        ),
        (
            "user_id,item_id,rank\nu,a,1\nu,b,1\n",
            GOOD_TRUTH,
            "rows whose rank is in the list already: 1, such as user 'u', item 'b': '1'",
        ),
        ("user_id,item_id,rank\n,a,1\n", GOOD_TRUTH, "lists.csv: rows without a user_id or an item_id: 1, such"),
        (GOOD_LISTS, "user_id,item_id\nu,\n", "truth.csv: rows without a user_id or an item_id: 1, such"),
        (
            GOOD_LISTS,
            "user_id,item_id,gain\nu,a,-1\n",
            "truth.csv: rows whose gain (or value) is no number of 0 or more: 1",
        ),
        (GOOD_LISTS, "user_id,item_id,value\nu,a,\n", "such as user 'u', item 'a': 'nothing'"),
        ("user_id,item_id,rank\n", GOOD_TRUTH, "lists.csv: there are no lists in it"),
        (GOOD_LISTS, "user_id,item_id\n", "truth.csv: there are no relevant items in it"),
        (GOOD_LISTS, "user_id,item_id,gain\nu,a,0\n", "truth.csv: there are no relevant items in it"),
        (GOOD_LISTS, "user_id,item_id\nU1,a\n", "have no user in common. Users are 'u' and so on in the one, 'U1'"),
    ],
)
def test_every_fault_is_named(spark: SparkSession, tmp_path: Path, lists: str, truth: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        evaluate_files(spark, csv(tmp_path, "lists.csv", lists), csv(tmp_path, "truth.csv", truth), [1])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def nothing(path: Path) -> None:
    pass


def a_folder_without_files(path: Path) -> None:
    path.mkdir()


def a_name_without_a_format(path: Path) -> None:
    path.mkdir()
    (path / "lists").write_text(GOOD_LISTS)


def two_formats(path: Path) -> None:
    path.mkdir()
    (path / "lists.csv").write_text(GOOD_LISTS)
    LISTS.to_parquet(path / "lists.parquet")


def no_parquet(path: Path) -> None:
    path.mkdir()
    (path / "lists.parquet").write_text(GOOD_LISTS)


def a_truncated_gzip(path: Path) -> None:
    path.mkdir()
    (path / "lists.csv.gz").write_bytes(gzip.compress((GOOD_LISTS * 1000).encode())[:-20])


def a_delta_table(path: Path) -> None:
    (path / "_delta_log").mkdir(parents=True)
    (path / "_delta_log" / "00000000000000000000.json").write_text("{}")
    LISTS.to_parquet(path / "part-0.parquet")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nothing, "there is no such file or folder"),
        (a_folder_without_files, "is a folder without files"),
        (
            a_name_without_a_format,
            "names must say the format, one for all files of a folder. Found lists. Allowed: .parq",
        ),
        (two_formats, "Found lists.csv, lists.parquet. Allowed"),
        (no_parquet, "cannot be read"),
        (a_truncated_gzip, "cannot be read"),
        (a_delta_table, "is a Delta table"),
    ],
)
def test_what_cannot_be_read_is_explained(
    spark: SparkSession, tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "lists")
    truth = csv(tmp_path, "truth.csv", GOOD_TRUTH)
    with pytest.raises(InputError) as refused:
        evaluate_files(spark, str(tmp_path / "lists"), truth, [1])
    assert str(refused.value).startswith(str(tmp_path / "lists"))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_catalogue_smaller_than_the_lists_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    lists = csv(tmp_path, "lists.csv", "user_id,item_id,rank\nu,a,1\nu,b,2\n")
    truth = csv(tmp_path, "truth.csv", GOOD_TRUTH)
    with pytest.raises(InputError, match=r"holds more items than the catalogue \(1\)"):
        evaluate_files(spark, lists, truth, [2], catalogue_size=1)


def test_settings_that_cannot_be_are_refused_before_anything_is_read(spark: SparkSession) -> None:
    with pytest.raises(SettingsError, match="k takes one or more positive integers"):
        evaluate_files(spark, "lists.csv", "truth.csv", [5, 0])
    with pytest.raises(SettingsError, match="positive integer, received 0"):
        evaluate_files(spark, "lists.csv", "truth.csv", catalogue_size=0)


def test_nothing_stays_cached(spark: SparkSession, tmp_path: Path) -> None:
    lists, truth = csv(tmp_path, "lists.csv", GOOD_LISTS), csv(tmp_path, "truth.csv", GOOD_TRUTH)
    before = spark.sparkContext._jsc.sc().getPersistentRDDs().size()
    evaluate_files(spark, lists, truth, [1])
    assert spark.sparkContext._jsc.sc().getPersistentRDDs().size() == before


def test_other_lists_are_compared_user_by_user(spark: SparkSession, tmp_path: Path) -> None:
    """Ours has the item of user 1 at 1 and of user 2 at 2, theirs of user 1 at 2 and of user 2 not at all."""
    theirs = pd.DataFrame([("1", "11", 1), ("1", "10", 2), ("2", "11", 1)], columns=["user_id", "item_id", "rank"])
    found = evaluate_files(
        spark,
        write_csv(LISTS, tmp_path / "lists"),
        write_csv(TRUTH, tmp_path / "truth"),
        [2],
        against=write_csv(theirs, tmp_path / "theirs"),
    )
    mrr = {one.model: one for one in found.measurements if one.metric == "mrr"}
    assert [(name, one.value) for name, one in mrr.items()] == [
        ("recommendations", pytest.approx(0.5)),
        ("against", pytest.approx(1 / 6)),
        ("recommendations - against", pytest.approx(1 / 3)),
    ]
    gap = mrr["recommendations - against"]
    assert gap.low is not None
    assert gap.high is not None
    assert gap.low < gap.value < gap.high
    assert (found.users, found.users_without_list) == (2, 1)


def test_faults_of_the_other_lists_are_named_by_their_file(spark: SparkSession, tmp_path: Path) -> None:
    files = (write_csv(LISTS, tmp_path / "lists"), write_csv(TRUTH, tmp_path / "truth"))
    twice = csv(tmp_path, "theirs.csv", "user_id,item_id,rank\n1,10,1\n1,10,2\n")
    with pytest.raises(InputError, match="theirs.csv: rows whose item is in the list more than once: 2"):
        evaluate_files(spark, *files, [2], against=twice)


def test_a_background_from_files(spark: SparkSession, tmp_path: Path) -> None:
    """User 1 had 10 and 12, user 2 had 12: 10 was had by half of the users, 11 by nobody."""
    files = (write_csv(LISTS, tmp_path / "lists"), write_csv(TRUTH, tmp_path / "truth"))
    found = evaluate_files(
        spark,
        *files,
        [1, 2],
        history=csv(tmp_path, "past.csv", "user_id,item_id\n1,10\n1,10\n1,12\n2,12\n"),
        items=csv(tmp_path, "items.csv", "item_id,genres\n10,jazz|soul\n11,rock\n12,jazz\n"),
        users=csv(tmp_path, "users.csv", "user_id,country\n1,FR\n2,DE\n3,FR\n"),
        by=["country"],
        cold_below=2,
        catalogue_size=3,
    )
    everybody = {(one.metric, one.k): one.value for one in found.measurements if one.segment is None}
    assert everybody["popularity", 1] == pytest.approx((1 / 2 + 0) / 2)
    assert everybody["novelty", 2] == pytest.approx(1), "each list has 10 and 11, which both count as had by one of two"
    assert everybody["diversity", 2] == pytest.approx(1), "nothing in common"
    assert {"auc", "coverage", "gini", "miscalibration", "serendipity"} <= {metric for metric, _ in everybody}
    recall = {one.segment: (one.value, one.users) for one in found.measurements if (one.metric, one.k) == ("recall", 1)}
    assert recall == {
        None: (pytest.approx(1 / 3), 3),
        "country=FR": (0.5, 2),
        "country=DE": (0.0, 1),
        "history=warm": (1.0, 1),
        "history=cold": (0.0, 2),
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("history", "user_id,item_id\n1,\n", "past.csv: 1 rows without user_id or item_id"),
        ("history", "user_id,thing\n1,2\n", "past.csv: no column item_id. Columns found: user_id, thing."),
        ("items", "item_id,genres\n1,a\n1,b\n", "past.csv: item_id '1' has more than one row; one is allowed"),
        (
            "items",
            "item_id,title\n1,a\n",
            "past.csv: no column with what a work is like. Allowed: tags, genres, category.",
        ),
        ("users", "user_id,age\n1,9\n", "past.csv: no column country. Columns found: user_id, age."),
    ],
)
def test_faults_of_the_background_are_named(
    spark: SparkSession, tmp_path: Path, name: str, text: str, message: str
) -> None:
    files = (csv(tmp_path, "lists.csv", GOOD_LISTS), csv(tmp_path, "truth.csv", GOOD_TRUTH))
    given = {name: csv(tmp_path, "past.csv", text)}
    with pytest.raises(InputError) as raised:
        evaluate_files(spark, *files, [1], by=["country"] if name == "users" else [], **given)  # type: ignore[arg-type]
    assert message in str(raised.value)


def test_columns_of_users_need_a_file_of_users(spark: SparkSession, tmp_path: Path) -> None:
    files = (csv(tmp_path, "lists.csv", GOOD_LISTS), csv(tmp_path, "truth.csv", GOOD_TRUTH))
    with pytest.raises(SettingsError, match="--by country takes columns of a file of users: name it with --users PATH"):
        evaluate_files(spark, *files, [1], by=["country"])


def test_a_truth_alone(spark: SparkSession, tmp_path: Path) -> None:
    path = csv(tmp_path, "truth.csv", "user_id,item_id,gain\nu,a,1\nu,a,3\nu,b,0\nv,b,2\n")
    truth = read_truth(spark, path, lambda frame: frame)
    assert sorted(tuple(row) for row in truth.relevant.collect()) == [("u", "a", 3.0), ("v", "b", 2.0)]
    assert truth.repeated == 1
    with pytest.raises(InputError, match="whose gain"):
        read_truth(spark, csv(tmp_path, "bad.csv", "user_id,item_id,gain\nu,a,much\n"), lambda frame: frame)


def test_lists_of_more_places_than_a_long_has_bits(spark: SparkSession, tmp_path: Path) -> None:
    rows = "".join(f"u,i{rank},{rank}\n" for rank in range(1, 101))
    truth = csv(tmp_path, "truth.csv", "user_id,item_id\nu,i100\n")
    found = evaluate_files(spark, csv(tmp_path, "lists.csv", "user_id,item_id,rank\n" + rows), truth, [100])
    assert values(found)["mrr", 100] == pytest.approx(1 / 100)
    twice = csv(tmp_path, "twice.csv", "user_id,item_id,rank\n" + rows + "u,more,70\n")
    with pytest.raises(InputError, match="rows whose rank is in the list already: 1, such as user 'u'"):
        evaluate_files(spark, twice, truth, [100])
