"""Catalogue and people from files: every format, what is rejected, which row counts."""

import datetime as dt
import gzip
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.events.attributes import IngestedAttributes, read_items, read_users
from repertoire.events.input_files import list_files
from repertoire.settings import IngestSettings

DAY = dt.date(2026, 3, 1)
DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def read(
    spark: SparkSession, path: Path, kind: str, scratch: Path, settings: IngestSettings | None = None
) -> IngestedAttributes:
    chosen = settings or IngestSettings(max_rejected_share=1.0)
    reader = {"items": read_items, "users": read_users}[kind]
    return reader(spark, list_files(spark, str(path), kind), chosen, run_date=DAY, scratch=str(scratch / "scratch"))


def by_id(found: IngestedAttributes, key: str) -> dict[str, dict[str, object]]:
    return {row[key]: row.asDict() for row in found.rows.collect()}


def test_items_from_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(
        '{"item_id": "a", "title": "A Title", "category": "film", "creator_id": 7, "tags": ["noir", "crime", "noir"], '
        '"price": 9.5, "released": "2026-02-01", "available": false, "isbn": "x"}\n'
        '{"item_id": "b", "tags": []}\n'
    )
    found = by_id(read(spark, tmp_path / "items.jsonl", "items", tmp_path), "item_id")
    assert found["a"] == {
        "item_id": "a",
        "title": "A Title",
        "category": "film",
        "creator_id": "7",
        "tags": ["crime", "noir"],
        "description": None,
        "price": 9.5,
        "released": dt.date(2026, 2, 1),
        "available": False,
    }
    assert found["b"]["title"] is None


def test_tags_from_text_and_from_parquet_lists(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text('sku,name,genres\n1,One,noir|crime\n2,Two,"war, love"\n3,Three,\n')
    settings = IngestSettings(columns={"item_id": "sku"})
    found = by_id(read(spark, tmp_path / "items.csv", "items", tmp_path, settings), "item_id")
    assert [found[key]["tags"] for key in "123"] == [["crime", "noir"], ["love", "war"], None]
    assert found["1"]["title"] == "One"
    pd.DataFrame({"item_id": [1], "tags": [["b", "a"]]}).to_parquet(tmp_path / "items.parquet")
    found = by_id(read(spark, tmp_path / "items.parquet", "items", tmp_path), "item_id")
    assert found["1"]["tags"] == ["a", "b"]


def test_rows_without_an_id_are_rejected_and_cells_that_cannot_be_read_are_empty(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "items.csv").write_text(
        "item_id,price,released,available\na,1.5,2026-03-01,yes\n,2,,\nb,cheap,,\nc,3,tomorrow,\nd,4,,perhaps\ne,5\n"
    )
    found = read(spark, tmp_path / "items.csv", "items", tmp_path)
    (count,) = found.counts
    assert (count.read, count.accepted, count.rejected, count.duplicate) == (6, 4, 2, 0)
    rejected = {(row.rule, row.field, row.raw) for row in found.rejected.collect()}
    assert rejected == {("missing_item_id", "item_id", ",2,,"), ("malformed_row", None, "e,5")}
    items = by_id(found, "item_id")
    assert (items["a"]["price"], items["a"]["available"]) == (1.5, True)
    assert [items["b"]["price"], items["c"]["released"], items["d"]["available"]] == [None, None, None]
    assert {note.split(" could")[0] for note in found.notes} == {"price", "released", "available"}


def test_too_many_rejected_rows_stop_it(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,price\na,1\n,2\n")
    with pytest.raises(InputError, match="missing_item_id") as raised:
        read(spark, tmp_path / "items.csv", "items", tmp_path, IngestSettings(max_rejected_share=0.1))
    assert "items.csv, line 3, column item_id" in str(raised.value)
    assert "--set ingest.max_rejected_share=0.5" in str(raised.value)


def test_the_last_row_of_an_id_counts(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    (folder / "1.csv").write_text("user_id,country,age\nann,DE,24\nann,FR,25\nbob,IT,61\n")
    (folder / "2.csv").write_text("user_id,country,age\nbob,ES,17\n")
    found = read(spark, folder, "users", tmp_path)
    people = by_id(found, "user_id")
    assert (people["ann"]["country"], people["ann"]["age_band"]) == ("FR", "25-34")
    assert (people["bob"]["country"], people["bob"]["age_band"]) == ("ES", "under 18")
    assert [(count.read, count.accepted, count.duplicate) for count in found.counts] == [(3, 1, 2), (1, 1, 0)]


def test_no_id_column_is_said_with_the_setting_that_helps(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("code,title\n1,One\n")
    with pytest.raises(InputError, match="--set ingest.columns.item_id=COLUMN"):
        read(spark, tmp_path / "items.csv", "items", tmp_path)


def test_the_names_of_movielens_1m(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_bytes("1::Amélie (2001)::Comedy|Romance\n".encode("latin-1"))
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")
    film = by_id(read(spark, tmp_path / "movies.dat", "items", tmp_path), "item_id")["1"]
    assert (film["title"], film["category"], film["tags"]) == ("Amélie (2001)", "film", ["Comedy", "Romance"])
    people = by_id(read(spark, tmp_path / "users.dat", "users", tmp_path), "user_id")
    assert (people["1"]["age_band"], people["1"]["occupation"]) == ("under 18", "K-12 student")
    assert (people["2"]["age_band"], people["2"]["gender"]) == ("56+", "M")


@pytest.mark.skipif(not (DATA / "ml-100k").is_dir(), reason="the public data set ml-100k is not on this machine")
def test_the_real_movielens_100k(spark: SparkSession, tmp_path: Path) -> None:
    films = read(spark, DATA / "ml-100k" / "u.item.gz", "items", tmp_path)
    assert [(count.read, count.accepted) for count in films.counts] == [(1682, 1682)]
    toy_story = by_id(films, "item_id")["1"]
    assert toy_story["title"] == "Toy Story (1995)"
    assert toy_story["tags"] == ["Animation", "Children's", "Comedy"]
    assert toy_story["released"] == dt.date(1995, 1, 1)
    people = by_id(read(spark, DATA / "ml-100k" / "u.user.gz", "users", tmp_path), "user_id")
    assert len(people) == 943
    assert (people["1"]["age_band"], people["1"]["occupation"]) == ("18-24", "technician")


def test_a_gzipped_file_reads_as_the_plain_one(spark: SparkSession, tmp_path: Path) -> None:
    text = "user_id,consent,joined\nann,true,2025-12-31\n"
    (tmp_path / "people.csv.gz").write_bytes(gzip.compress(text.encode()))
    ann = by_id(read(spark, tmp_path / "people.csv.gz", "users", tmp_path), "user_id")["ann"]
    assert (ann["consent"], ann["joined"]) == (True, dt.date(2025, 12, 31))
