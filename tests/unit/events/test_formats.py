"""The same three events in every format, and what each format has of its own."""

import datetime as dt
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.errors import InputError

Ingest = Callable[..., SimpleNamespace]

CSV = """user_id,item_id,event_ts,value
u1,i1,2024-05-01T10:00:00Z,4
u1,i2,2024-05-02T10:00:00Z,
u2,i1,2024-05-03T10:00:00Z,3.5
"""
TSV = CSV.replace(",", "\t")
JSONL = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"user_id": "u1", "item_id": "i1", "event_ts": "2024-05-01T10:00:00Z", "value": 4},
        {"user_id": "u1", "item_id": "i2", "event_ts": "2024-05-02T10:00:00Z"},
        {"event_ts": "2024-05-03T10:00:00Z", "item_id": "i1", "user_id": "u2", "value": 3.5, "more": {"a": [1]}},
    )
)


def parquet(table: pa.Table | pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    if isinstance(table, pd.DataFrame):
        table.to_parquet(buffer)
    else:
        pq.write_table(table, buffer)
    return buffer.getvalue()


PARQUET = parquet(
    pa.table(
        {
            "user_id": ["u1", "u1", "u2"],
            "item_id": ["i1", "i2", "i1"],
            "event_ts": pa.array([dt.datetime(2024, 5, day, 10) for day in (1, 2, 3)], pa.timestamp("us", tz="UTC")),
            "value": [4.0, None, 3.5],
        }
    )
)

FORMATS = {
    "log.csv": CSV,
    "log.csv.gz": CSV,
    "log.tsv": TSV,
    "log.tsv.gz": TSV,
    "log.jsonl": JSONL,
    "log.ndjson.gz": JSONL,
    "log.json": JSONL,
    "log.parquet": PARQUET,
    "windows.csv": b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(),
    "no-last-newline.csv": CSV.rstrip("\n"),
    "blank-lines.csv": "\n" + CSV.replace("\n", "\n\n"),
    "quoted.csv": '"user_id","item_id","event_ts","value"\n"u1","i1","2024-05-01T10:00:00Z","4"\n'
    '"u1","i2","2024-05-02T10:00:00Z",""\n"u2","i1","2024-05-03T10:00:00Z","3.5"\n',
    "bom.jsonl": b"\xef\xbb\xbf" + JSONL.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_events(ingest: Ingest, name: str) -> None:
    found = ingest({name: FORMATS[name]})
    assert [(row["user_id"], row["item_id"], row["event_ts"], row["value"]) for row in found.accepted] == [
        ("u1", "i1", dt.datetime(2024, 5, 1, 10), 4.0),
        ("u1", "i2", dt.datetime(2024, 5, 2, 10), None),
        ("u2", "i1", dt.datetime(2024, 5, 3, 10), 3.5),
    ]
    assert {row["event_type"] for row in found.accepted} == {"rating"}
    assert found.counts[name].read == 3


def test_the_same_events_in_all_formats_at_once_are_three(ingest: Ingest) -> None:
    found = ingest({name: text for name, text in FORMATS.items() if name != "log.csv.gz"})
    assert len(found.accepted) == 3
    assert sum(counts.read for counts in found.counts.values()) == 3 * len(found.counts)


def test_a_set_format_counts_more_than_the_name(ingest: Ingest) -> None:
    assert len(ingest({"log.txt": TSV, "more.dat": TSV + "u3,\n"}, format="tsv").accepted) == 3
    assert len(ingest({"log.txt": CSV.replace(",", ";")}, format="csv", delimiter=";").accepted) == 3


def test_a_name_that_says_nothing_is_refused(ingest: Ingest) -> None:
    with pytest.raises(InputError) as error:
        ingest({"README.md": "words", "log.csv": CSV})
    assert "README.md: its name does not say what format it has. Allowed endings: .csv, .tsv," in str(error.value)


# --- CSV


def test_quotes_delimiters_and_line_ends_within_fields(ingest: Ingest) -> None:
    text = 'item_id,user_id,note\n"a ""b"", c",u1,x\n"one\ntwo",u2,"y\n\nz"\ni3,u3,5" disc\n'
    found = ingest({"log.csv": text}, context_columns=["note"])
    assert [(row["user_id"], row["item_id"], row["context"]["note"]) for row in found.accepted] == [
        ("u1", 'a "b", c', "x"),
        ("u2", "one\ntwo", "y\n\nz"),
        ("u3", "i3", '5" disc'),
    ]


def test_a_stray_quote_costs_its_own_row_only(ingest: Ingest) -> None:
    rows = "".join(f"u{n},i{n},2024-05-01\n" for n in range(5))
    found = ingest({"log.csv": f'user_id,item_id,event_ts\n{rows}u9,"i9,2024-05-01\n{rows.replace("u", "v")}'})
    assert [row["raw"] for row in found.rejected] == ['u9,"i9,2024-05-01']
    assert len(found.accepted) == 10


def test_columns_go_by_name_file_by_file(ingest: Ingest) -> None:
    files = {
        "a.csv": "user_id,item_id,value\nu1,i1,1\n",
        "b.csv": "value,extra,item_id,user_id\n2,x,i2,u2\n",
        "c.csv": "user,item_id\nu3,i3\n",
    }
    found = ingest(files)
    assert [(row["user_id"], row["item_id"], row["value"]) for row in found.accepted] == [
        ("u1", "i1", 1.0),
        ("u2", "i2", 2.0),
        ("u3", "i3", None),
    ]
    assert "c.csv: user is read as user_id" in found.notes


def test_two_columns_of_one_name_do_not_clash(ingest: Ingest) -> None:
    found = ingest({"log.csv": "user_id,item_id,x,x,ITEM_ID\nu1,i1,a,b,c\n"})
    assert [(row["user_id"], row["item_id"]) for row in found.accepted] == [("u1", "i1")]


def test_odd_file_names_are_names_and_no_patterns(ingest: Ingest) -> None:
    odd = "a[1] *{b}%20,+é.csv"
    found = ingest({odd: CSV, "a1.csv": "user_id,item_id,event_ts,value\nu9,i9,2024-05-01,1\nu9,i9,x,\n"})
    assert found.counts[odd].accepted == 3
    assert sorted({row["source"].rsplit("/", 1)[1] for row in found.accepted}) == ["a1.csv", odd]
    assert [row["source"].rsplit("/", 1)[1] for row in found.rejected] == ["a1.csv"]


def test_empty_files_and_files_of_a_header_have_no_rows(ingest: Ingest) -> None:
    found = ingest({"a.csv": CSV, "b.csv": "", "c.csv": "user_id,item_id\n", "d.jsonl": ""})
    assert {name: counts.read for name, counts in found.counts.items()} == {"a.csv": 3, "b.csv": 0, "c.csv": 0}
    assert ingest({"b.csv": ""}).accepted == []


def test_context_columns_are_kept_where_they_are_filled(ingest: Ingest) -> None:
    text = "user_id,item_id,shop,page\nu1,i1,north,\nu2,i2,,\n"
    found = ingest({"log.csv": text}, context_columns=["shop", "page", "absent"])
    assert [row["context"] for row in found.accepted] == [{"shop": "north"}, None]


def test_a_truncated_gzip_is_refused(ingest: Ingest) -> None:
    rows = "".join(f"user{n * 7919 % 10007},item{n * 104729 % 5003}\n" for n in range(200_000))
    packed = gzip.compress(("user_id,item_id\n" + rows).encode())
    with pytest.raises(InputError, match=r"in/log.csv.gz cannot be read to its end: it ends in the middle"):
        ingest({"log.csv.gz": packed[: len(packed) // 2]})


def test_what_is_called_gzip_and_is_not_is_refused(ingest: Ingest) -> None:
    with pytest.raises(InputError, match=r"in/log.csv.gz cannot be read: Not in GZIP format"):
        ingest({"log.csv.gz": CSV.encode()})


@pytest.mark.parametrize("data", [CSV.encode("utf-16"), b"PK\x03\x04\x00\x00"])
def test_what_is_no_utf_8_text_is_refused(ingest: Ingest, data: bytes) -> None:
    with pytest.raises(InputError, match=r"log.csv is not text in UTF-8"):
        ingest({"log.csv": data})


# --- JSON Lines


def test_broken_lines_and_lines_that_are_no_object_are_kept(ingest: Ingest) -> None:
    text = '{"user_id": 1, "item_id": 2}\n{"user_id": 1,\n[1]\n5\nnull\n{"user_id": 3}\n'
    found = ingest({"log.jsonl": text})
    assert [(row["user_id"], row["item_id"]) for row in found.accepted] == [("1", "2")]
    assert [(row["raw"], row["rule"]) for row in found.rejected] == [
        ("5", "malformed_row"),
        ("[1]", "malformed_row"),
        ("null", "malformed_row"),
        ('{"user_id": 1,', "malformed_row"),
        ('{"user_id": 3}', "missing_item_id"),
    ]


def test_a_key_that_comes_late_is_read(ingest: Ingest) -> None:
    early = "".join(f'{{"user_id": "u{n}", "item_id": "i", "pad": "{"x" * 90}"}}\n' for n in range(1000))
    found = ingest(
        {"log.jsonl": early + '{"user_id": "z", "item_id": "i", "value": 7, "shop": "n"}\n'}, context_columns=["shop"]
    )
    assert (found.accepted[-1]["user_id"], found.accepted[-1]["value"]) == ("z", 7.0)
    assert found.accepted[-1]["context"] == {"shop": "n"}


def test_a_json_array_is_refused(ingest: Ingest) -> None:
    with pytest.raises(InputError, match=r"log.json begins with a JSON array. Allowed: JSON Lines"):
        ingest({"log.json": '[{"user_id": 1, "item_id": 2}]'})


# --- Parquet


def test_ids_may_be_numbers(ingest: Ingest) -> None:
    table = pa.table(
        {
            "user_id": pa.array([1, 2**53 - 1, None], pa.float64()),
            "item_id": pa.array([Decimal("7"), Decimal("8"), Decimal("9")], pa.decimal128(10, 0)),
            "session_id": pa.array([1, 2, 3], pa.uint64()),
        }
    )
    found = ingest({"log.parquet": parquet(table)})
    assert [(row["user_id"], row["item_id"], row["session_id"]) for row in found.accepted] == [
        ("1", "7", "1"),
        ("9007199254740991", "8", "2"),
    ]
    (row,) = found.rejected
    assert (row["rule"], row["field"]) == ("missing_user_id", "user_id")
    assert json.loads(row["raw"]) == {"row_index": 2, "user_id": None, "item_id": 9, "session_id": 3}


NOON = dt.datetime(2024, 7, 1, 12)


@pytest.mark.parametrize(
    "times, expected",
    [
        (pa.array([NOON], pa.timestamp("ns")), dt.datetime(2024, 7, 1, 10)),
        (pa.array([NOON], pa.timestamp("ns", tz="UTC")), NOON),
        (pa.array([NOON], pa.timestamp("us")), dt.datetime(2024, 7, 1, 10)),
        (pa.array([NOON], pa.timestamp("ms", tz="Europe/Berlin")), NOON),
        (pa.array([NOON.date()], pa.date32()), dt.datetime(2024, 6, 30, 22)),
        (pa.array([1719835200], pa.int32()), NOON),
        (pa.array([1719835200000], pa.int64()), NOON),
        (pa.array(["2024-07-01 12:00"]), dt.datetime(2024, 7, 1, 10)),
    ],
)
def test_times_in_any_type(ingest: Ingest, times: pa.Array, expected: dt.datetime) -> None:
    table = pa.table({"user_id": ["u"], "item_id": ["i"], "event_ts": times})
    found = ingest({"log.parquet": parquet(table)}, run_date=dt.date(2024, 7, 2), log_timezone="Europe/Berlin")
    assert [row["event_ts"] for row in found.accepted] == [expected]


def test_pandas_frames_are_read_as_pandas_writes_them(ingest: Ingest) -> None:
    frame = pd.DataFrame(
        {
            "userId": [1, 2],
            "title": pd.Categorical(["Solaris", "Stalker"]),
            "timestamp": pd.to_datetime(["2024-05-01 10:00:00.123456789", "2024-05-02"], format="ISO8601"),
            "rating": [4.5, float("nan")],
        }
    )
    found = ingest({"log.parquet": parquet(frame)}, columns={"item_id": "title"})
    assert [(row["user_id"], row["item_id"], row["event_ts"], row["value"]) for row in found.accepted] == [
        ("1", "Solaris", dt.datetime(2024, 5, 1, 10, 0, 0, 123456), 4.5),
        ("2", "Stalker", dt.datetime(2024, 5, 2), None),
    ]


def test_a_folder_of_parts_with_columns_in_its_path(ingest: Ingest) -> None:
    def part(*users: str) -> bytes:
        return parquet(pa.table({"user_id": list(users), "item_id": ["i"] * len(users)}))

    files: dict[str, str | bytes] = {
        "day=2024-05-01/event_type=view/part-0.parquet": part("u1", "u2"),
        "day=2024-05-01/event_type=a%2Bb c/part-0.parquet": part("u3"),
        "day=__HIVE_DEFAULT_PARTITION__/event_type=play/part-1.parquet": part("u4"),
        "_SUCCESS": "",
    }
    found = ingest(files, columns={"event_ts": "day"}, event_types={"a+b c": "click"})
    assert [(row["user_id"], row["event_type"], row["event_ts"]) for row in found.accepted] == [
        ("u1", "view", dt.datetime(2024, 5, 1)),
        ("u2", "view", dt.datetime(2024, 5, 1)),
        ("u3", "click", dt.datetime(2024, 5, 1)),
        ("u4", "play", None),
    ]


def test_columns_of_a_type_that_makes_no_sense_are_refused(ingest: Ingest) -> None:
    table = pa.table({"user_id": [dt.date(2024, 1, 1)], "item_id": ["i"]})
    with pytest.raises(InputError) as error:
        ingest({"log.parquet": parquet(table)})
    assert "log.parquet: column user_id is of type date and cannot be read as user_id. Allowed: bigint," in str(
        error.value
    )


def test_nested_columns_are_not_taken_for_ids(ingest: Ingest) -> None:
    table = pa.table({"user_id": [{"id": 1}], "item_id": ["i"]})
    with pytest.raises(InputError, match=r"has no column user_id. Its columns: item_id"):
        ingest({"log.parquet": parquet(table)})


@pytest.mark.parametrize("data", [PARQUET[:-20], b"PAR1", b"user_id,item_id\n", b"PAR1\xff\xff\x00\x00PAR1"])
def test_what_is_no_whole_parquet_file_is_refused(ingest: Ingest, data: bytes) -> None:
    with pytest.raises(InputError, match=r"log.parquet is not a (whole )?Parquet file"):
        ingest({"log.parquet": data})
