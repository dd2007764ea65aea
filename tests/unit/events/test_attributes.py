"""Catalogues and user lists in every format, cell by cell."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE, Files, write_files

from repertoire.errors import InputError
from repertoire.events.attributes import read_items, read_users
from repertoire.events.input_files import list_files
from repertoire.settings import IngestSettings
from repertoire.tables import ITEMS, REJECTED_EVENTS, USERS

Read = Callable[..., SimpleNamespace]


@pytest.fixture
def read(spark: SparkSession, tmp_path: Path) -> Read:
    """read(items or users, files, **settings) → rows by id, rejected rows, counts by file, notes."""

    def run(kind: str, files: Files, *, max_rejected_share: float = 1.0, **settings: Any) -> SimpleNamespace:
        write_files(tmp_path / "in", files)
        found = {"items": read_items, "users": read_users}[kind](
            spark,
            list_files(spark, str(tmp_path / "in"), kind),
            IngestSettings(max_rejected_share=max_rejected_share, **settings),
            run_date=RUN_DATE,
            scratch=str(tmp_path / "scratch"),
        )
        rows = [row.asDict() for row in found.rows.collect()]
        assert len(rows) == sum(counts.accepted for counts in found.counts)
        return SimpleNamespace(
            rows={row[f"{kind[:-1]}_id"]: row for row in rows},
            rejected={(row["rule"], row["field"], row["value"], row["raw"]) for row in found.rejected.collect()},
            counts={c.file.name: (c.read, c.accepted, c.rejected, c.duplicate) for c in found.counts},
            notes=found.notes,
            frames=found,
        )

    return run


SOLARIS = {
    "item_id": "1",
    "title": "Solaris, 1972",
    "category": "film",
    "creator_id": "tarkovsky",
    "tags": ["drama", "space"],
    "description": "A planet\nthinks.",
    "price": 9.5,
    "released": dt.date(1972, 3, 20),
    "available": True,
}
HEADER = "item_id,title,category,creator_id,tags,description,price,released,available\n"
CSV = HEADER + '1,"Solaris, 1972",film,tarkovsky,space|drama|space,"A planet\nthinks.",9.50,1972-03-20,yes\n'
JSONL = (
    '{"item_id": 1, "title": "Solaris, 1972", "category": "film", "creator_id": "tarkovsky", "tags": ["space", "drama"], '
    '"description": "A planet\\nthinks.", "price": 9.5, "released": "1972-03-20", "available": true}\n'
)


def parquet(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


PARQUET = parquet({name: [value] for name, value in (SOLARIS | {"tags": ["space", "drama"], "item_id": 1}).items()})


TSV = CSV.replace("Solaris, 1972", "Solaris; 1972").replace(",", "\t").replace("Solaris; 1972", "Solaris, 1972")
FORMATS = {"a.csv": CSV, "a.csv.gz": CSV, "a.tsv": TSV, "a.jsonl": JSONL, "a.parquet": PARQUET}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_item(read: Read, name: str) -> None:
    assert read("items", {name: FORMATS[name]}).rows == {"1": SOLARIS}


def test_json_may_leave_out_what_it_does_not_know(read: Read) -> None:
    found = read("items", {"a.jsonl": '{"item_id": "b", "tags": [], "creator_id": 7, "isbn": "x"}\n'}).rows["b"]
    assert {name: value for name, value in found.items() if value is not None} == {"item_id": "b", "creator_id": "7"}


def test_json_may_have_more_than_its_first_rows(read: Read) -> None:
    text = '{"item_id": "a"}\n' * 5_000 + '{"item_id": "b", "price": 2.5}\n'
    assert read("items", {"a.jsonl": text}).rows["b"]["price"] == 2.5


def test_the_frames_have_the_declared_columns(read: Read) -> None:
    for kind, table, text in (("items", ITEMS, "item_id\n1\n"), ("users", USERS, "user_id\n1\n")):
        frames = read(kind, {"a.csv": text}).frames
        assert frames.rows.dtypes == [
            (column.name, column.type) for column in table.columns if not column.name.startswith("valid_")
        ]
        assert frames.rejected.dtypes == [(column.name, column.type) for column in REJECTED_EVENTS.columns]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("b|a|b", ["a", "b"]),
        ('"b, a ,,c"', ["a", "b", "c"]),
        ("one tag", ["one tag"]),
        ('"a|b c|d, e"', ["a", "b c", "d, e"]),
        ('"[""b"", ""a""]"', ["a", "b"]),
        ("[not json", ["[not json"]),
        ("", None),
        ("|", None),
    ],
)
def test_tags(read: Read, text: str, expected: list[str] | None) -> None:
    assert read("items", {"a.csv": f"item_id,tags\n1,{text}\n"}).rows["1"]["tags"] == expected


def test_cells_that_cannot_be_read_are_empty_and_counted(read: Read) -> None:
    rows = "1,x,2024-13-01,maybe\n2,NaN,2024-02,TRUE\n3,,,\n4,-1,1999,0\n"
    found = read("items", {"a.csv": "item_id,price,released,available\n" + rows})
    assert {n: (row["price"], row["released"], row["available"]) for n, row in found.rows.items()} == {
        "1": (None, None, None),
        "2": (None, dt.date(2024, 2, 1), True),
        "3": (None, None, None),
        "4": (-1.0, dt.date(1999, 1, 1), False),
    }
    assert found.notes == (
        "price could not be read as double in 2 rows and is empty there",
        "released could not be read as date in 1 rows and is empty there",
        "available could not be read as boolean in 1 rows and is empty there",
    )


def test_users(read: Read) -> None:
    rows = ("u1,17,F,DE,student,true,2024-01-31T23:00:00Z", "u2,25-34,,,,no,", "u3,56,M,FR,cook,,")
    found = read("users", {"a.csv": "\n".join(["userId,age,sex,country_code,job,consent,joined", *rows])})
    columns = ("age_band", "gender", "country", "occupation", "consent", "joined")
    assert {n: tuple(row[c] for c in columns) for n, row in found.rows.items()} == {
        "u1": ("under 18", "F", "DE", "student", True, dt.date(2024, 1, 31)),
        "u2": ("25-34", None, None, None, False, None),
        "u3": ("56+", "M", "FR", "cook", None, None),
    }
    assert "a.csv: age is read as age_band" in found.notes


def test_the_last_row_of_an_id_wins(read: Read) -> None:
    files: Files = {
        "a.csv": "item_id,title\n1,first\n2,only\n1,second\n3,early\n",
        "b.csv": "item_id,title\n3,late\n",
    }
    found = read("items", files)
    assert {n: row["title"] for n, row in found.rows.items()} == {"1": "second", "2": "only", "3": "late"}
    assert found.counts == {"a.csv": (4, 2, 0, 2), "b.csv": (1, 1, 0, 0)}


def test_rows_without_an_id_are_rejected(read: Read) -> None:
    files: Files = {
        "a.csv": "item_id,title\n,lost\n1\n  ,blank\n2,kept\n",
        "b.jsonl": '{"title": "no id"}\n{"item_id": 3}\n',
    }
    found = read("items", files, max_id_length=5)
    assert set(found.rows) == {"2", "3"}
    assert found.rejected == {
        ("malformed_row", None, None, "1"),
        ("missing_item_id", "item_id", "  ", "  ,blank"),
        ("missing_item_id", "item_id", None, ",lost"),
        ("missing_item_id", "item_id", None, '{"title": "no id"}'),
    }
    assert found.counts == {"a.csv": (4, 1, 3, 0), "b.jsonl": (2, 1, 1, 0)}
    assert read("items", {"a.csv": "item_id\nshort\nlonger\n", "b.jsonl": ""}, max_id_length=5).rejected == {
        ("id_too_long", "item_id", "longer", "longer")
    }


def test_a_file_without_an_id_column_is_refused(read: Read) -> None:
    with pytest.raises(
        InputError, match=r"a.csv has no column item_id. Its columns: code, title. .*--set ingest.columns.item_id="
    ):
        read("items", {"a.csv": "code,title\n1,One\n"})


def test_past_the_share_of_refused_rows_the_file_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"a.csv, line 2, column item_id: nothing stands there, which breaks the rule"):
        read("items", {"a.csv": "item_id,title\n,lost\n1,kept\n"}, max_rejected_share=0.4)


def test_columns_that_settings_name_for_the_log_do_no_harm(read: Read) -> None:
    columns = {"item_id": "sid", "title": "headline"}
    found = read("items", {"a.csv": "item_id,headline,title\n1,yes,no\n"}, columns=columns)
    assert found.rows["1"]["title"] == "yes"


def test_a_column_of_a_type_that_makes_no_sense_is_refused(read: Read) -> None:
    data = parquet({"item_id": ["1"], "available": [dt.date(2024, 1, 1)]})
    with pytest.raises(InputError, match=r"column available is of type date and cannot be read as available"):
        read("items", {"a.parquet": data})
