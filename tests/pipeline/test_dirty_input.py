"""Whatever lies in the inbox: each kind is either read, with its rows accepted or refused by name, or stops the run in a
sentence with nothing written. Never a stack trace."""

import datetime as dt
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.store import open_warehouse
from repertoire.tables import INGESTED_FILES, REJECTED_EVENTS
from tests.pipeline.conftest import Command

RUN_DATE = dt.date(2026, 3, 1)
HEAD = "user_id,item_id,event_type,event_ts,value\n"


def rows(*lines: str, head: str = HEAD) -> bytes:
    return (head + "".join(line + "\n" for line in lines)).encode()


def row(**cells: Any) -> str:
    """A sound row but for the given cells; a user of its own, so that it repeats no other."""
    row.number += 1  # type: ignore[attr-defined]
    sound = {
        "user_id": f"u{row.number}",
        "item_id": "a",
        "event_type": "rating",
        "event_ts": "2026-02-01",
        "value": "3",
    }  # type: ignore[attr-defined]
    return ",".join(str(value) for value in (sound | cells).values())


row.number = 0  # type: ignore[attr-defined]


def parquet(frame: pd.DataFrame | pa.Table) -> bytes:
    sink = io.BytesIO()
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, sink)
    return sink.getvalue()


def json_lines(*objects: Any) -> bytes:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in objects).encode()


MANY = "x" * 10_000
# name → bytes, rows accepted, rows that repeat another, rows refused by rule.
READ: dict[str, tuple[bytes, int, int, dict[str, int]]] = {
    "no byte at all.csv": (b"", 0, 0, {}),
    "a header and no row.csv": (HEAD.encode(), 0, 0, {}),
    "nulls in ids.csv": (
        rows(row(user_id=""), row(item_id=""), row(item_id="   "), row(user_id="\u2003")),
        1,
        0,
        {"missing_user_id": 1, "missing_item_id": 2},
    ),
    "nulls in all else.csv": (rows("n1,a,,,", "n1,a,,,"), 2, 0, {}),
    "a byte order mark.csv": (b"\xef\xbb\xbf" + rows(row()), 1, 0, {}),
    "Latin-1.csv": ((HEAD + row(user_id="Zoë") + "\n" + row() + "\n").encode("latin-1"), 1, 0, {"not_utf8": 1}),
    "too few and too many fields.csv": (rows(row(), "u,a", row() + ",more"), 1, 0, {"malformed_row": 2}),
    "quotes and line ends in fields.csv": (
        rows(row(user_id='"q ""the"" u"'), row(item_id='"a, b\nc"'), row(item_id="'a'")),
        3,
        0,
        {},
    ),
    "a stray quote.csv": (rows(row(), row(item_id='12" single'), row()), 3, 0, {}),
    "not a number and infinite.csv": (
        rows(*[row(value=value) for value in ("NaN", "inf", "-Infinity", "1e999", "five", "-1", "1e308")]),
        1,
        0,
        {"value_not_finite": 4, "bad_value": 1, "negative_value": 1},
    ),
    "integers that overflow.csv": (
        rows(row(item_id=2**70), row(value=2**70), row(event_ts=10**25), row(event_ts=-(2**63))),
        2,
        0,
        {"bad_timestamp": 2},
    ),
    "ids of 10,000 characters.csv": (rows(row(user_id=MANY), row(item_id=MANY), row()), 1, 0, {"id_too_long": 2}),
    "emoji and other scripts.csv": (rows(row(item_id="🎬"), row(item_id="喜剧之王"), row(item_id="a\u0301")), 3, 0, {}),
    "control characters.csv": (rows(row(item_id="a\x01b"), row(item_id="a\tb"), row(item_id="a\x7f")), 3, 0, {}),
    "ancient and future times.csv": (
        rows(
            *[
                row(event_ts=time)
                for time in ("1066-10-14", "1969-12-31", "2026-03-02T23:59", "2026-03-03", "9999-12-31")
            ]
        ),
        1,
        0,
        {"timestamp_too_early": 2, "timestamp_in_future": 2},
    ),
    "times in all formats and zones.csv": (
        rows(
            *[
                f"t1,a,rating,{time},3"
                for time in (
                    "2026-02-01T12:00:00Z",
                    "2026-02-01 13:00:00+01:00",
                    "2026-02-01T07:00:00-0500",
                    "2026-02-01T12:00:00.000000Z",
                    "1769947200",
                    "1769947200000",
                )
            ]
        ),
        1,
        5,
        {},
    ),
    "days that there are not.csv": (
        rows(
            *[
                row(event_ts=time)
                for time in ("2026-02-30", "2026-13-01", "2026-02-01T25:00", "yesterday", "01/02/2026")
            ]
        ),
        0,
        0,
        {"bad_timestamp": 5},
    ),
    "duplicates.csv": (
        rows("d1,a,rating,2026-02-01,3", "d1,a,rating,2026-02-01,3", "d1,a,rating,2026-02-01,3.0"),
        1,
        2,
        {},
    ),
    "duplicates that contradict.csv": (rows("c1,a,rating,2026-02-01,3", "c1,a,rating,2026-02-01,4"), 2, 0, {}),
    "unknown words for types.csv": (
        rows(row(event_type="teleport"), row(event_type="PURCHASE "), row(event_type="addToCart")),
        2,
        0,
        {"unknown_event_type": 1},
    ),
    "other names and order.csv": (rows("4,b,s1", "5,b,s2", head="rating,movieId,userId\n"), 2, 0, {}),
    "columns that nobody knows.csv": (rows("s3,a,blue", head="user_id,item_id,colour\n"), 1, 0, {}),
    "a header in capitals.csv": (rows("s4,a", head="USER_ID,ITEM_ID\n"), 1, 0, {}),
    "line ends of Windows.csv": (rows(row(), row()).replace(b"\n", b"\r\n"), 2, 0, {}),
    "blank lines.csv": (b"\n" + rows(row(), "", row(), "", ""), 2, 0, {}),
    "no line end at the end.csv": (rows(row(), row())[:-1], 2, 0, {}),
    "spaces around ids.csv": (rows("  s5 ,a,rating,2026-02-01,3", "s5,a,rating,2026-02-01,3"), 1, 1, {}),
    "packed.csv.gz": (gzip.compress(rows(row(), row(value="x"))), 1, 0, {"bad_value": 1}),
    "two packed parts.csv.gz": (gzip.compress(rows(row())) + gzip.compress((row() + "\n").encode()), 2, 0, {}),
    "tabs.tsv": (rows(row(item_id="a,b")).replace(b"a,b", b"a;b").replace(b",", b"\t"), 1, 0, {}),
    "broken lines.jsonl": (
        json_lines({"user_id": "j1", "item_id": "a"}, '{"user_id": "j2", "item_', "[1, 2]", "null", '"word"', "{}"),
        1,
        0,
        {"malformed_row": 4, "missing_user_id": 1},
    ),
    "types that change.jsonl": (
        json_lines(
            {"user_id": 7, "item_id": "a"},
            {"user_id": "7", "item_id": True},
            {"user_id": None, "item_id": "a"},
            {"item_id": "a", "user_id": "j3", "value": "4"},
            {"item_id": "a", "user_id": "j4", "value": {"stars": 4}},
        ),
        3,
        0,
        {"missing_user_id": 1, "bad_value": 1},
    ),
    "nulls and NaN.parquet": (
        parquet(
            pd.DataFrame({"user_id": ["p1", None, "p2"], "item_id": ["a", "a", "b"], "value": [1.0, 2.0, float("inf")]})
        ),
        1,
        0,
        {"missing_user_id": 1, "value_not_finite": 1},
    ),
    "ids as numbers.parquet": (parquet(pd.DataFrame({"user_id": [1.0, 2.0], "item_id": [10**12, 3]})), 2, 0, {}),
    "another schema.parquet": (
        parquet(pa.table({"visitor": ["p3"], "itemid": pa.array(["a"]), "ts": pa.array([dt.datetime(2026, 2, 1)])})),
        1,
        0,
        {},
    ),
    "no rows.parquet": (
        parquet(pa.table({"user_id": pa.array([], "string"), "item_id": pa.array([], "string")})),
        0,
        0,
        {},
    ),
}


def test_all_kinds_in_one_inbox(repertoire: Command, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name, (data, *_) in READ.items():
        (inbox / name).write_bytes(data)
    (inbox / "the same bytes.csv").write_bytes(READ["duplicates.csv"][0])
    (inbox / "_unfinished.csv").write_bytes(b"\x00\x01")
    (inbox / ".hidden").write_bytes(b"\x00\x01")
    (inbox / "an empty folder").mkdir()
    done = repertoire(
        "run", "--run-date", RUN_DATE, "--to", "ingest_events", "--warehouse", tmp_path / "warehouse",
        "--set", f"ingest.events={inbox}", "--set", "ingest.max_rejected_share=1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Traceback" not in done.output
    assert "holds the same bytes as" in done.stderr
    tables = open_warehouse(str(tmp_path / "warehouse")).tables
    rules: dict[str, dict[str, int]] = {}
    for one in tables.rows(REJECTED_EVENTS).to_pylist():
        of_file = rules.setdefault(Path(one["source"]).name, {})
        of_file[one["rule"]] = of_file.get(one["rule"], 0) + 1
    found = {
        Path(one["path"]).name: (one["rows_accepted"], one["rows_duplicate"], rules.get(Path(one["path"]).name, {}))
        for one in tables.rows(INGESTED_FILES).to_pylist()
    }
    assert found == {name: (accepted, repeats, refused) for name, (_, accepted, repeats, refused) in READ.items()}


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


SOUND = rows("u1,a,rating,2026-02-01,3", "u2,b,rating,2026-02-01,4")
TABLE = parquet(pd.DataFrame({"user_id": ["u1", "u2"] * 500, "item_id": [f"i{n}" for n in range(1000)]}))

# name → files of the inbox, further settings, the message ({inbox} is its path).
REFUSED: dict[str, tuple[dict[str, bytes], tuple[str, ...], str]] = {
    "no such column": (
        {"log.csv": b"who,what\nu,a\n"},
        (),
        "{inbox}/log.csv has no column user_id. Its columns: who, what. "
        "Say which one it is: --set ingest.columns.user_id=COLUMN",
    ),
    "wrong delimiter": (
        {"log.csv": b"user_id;item_id\nu;a\n"},
        (),
        "{inbox}/log.csv has no column user_id. Its columns: user_id;item_id. "
        "That looks like another delimiter: --set 'ingest.delimiter=;'",
    ),
    "no header": (
        {"log.csv": b"1,2\n3,4\n"},
        (),
        "{inbox}/log.csv has no column user_id. Its columns: 1, 2. "
        "That looks like a row: the first line must name the columns.",
    ),
    "columns that could each be the user": (
        {"log.csv": b"uid,visitor,item_id\n1,2,a\n"},
        (),
        "{inbox}/log.csv: uid and visitor could each be user_id. Say which one it is: --set ingest.columns.user_id=uid",
    ),
    "a column that settings name and no file has": (
        {"log.csv": SOUND},
        ("ingest.columns.value=stars",),
        'ingest.columns.value names "stars", which no file has. '
        "{inbox}/log.csv has: user_id, item_id, event_type, event_ts, value.",
    ),
    "UTF-16": (
        {"log.csv": SOUND.decode().encode("utf-16")},
        (),
        "{inbox}/log.csv is not text in UTF-8 (it holds null bytes, as UTF-16, archives and tables of office programs do). "
        "Allowed: CSV, TSV and JSON Lines in UTF-8, plain or gzip'd under a name that ends in .gz.",
    ),
    "truncated Parquet": (
        {"log.parquet": truncated(TABLE)},
        (),
        "{inbox}/log.parquet is not a whole Parquet file: it does not end as one. Was its writing cut off?",
    ),
    "a Parquet file that is none": (
        {"log.parquet": SOUND},
        (),
        "{inbox}/log.parquet is not a whole Parquet file: it does not end as one. Was its writing cut off?",
    ),
    "a column of Parquet that cannot be an id": (
        {"log.parquet": parquet(pa.table({"user_id": ["u"], "item_id": pa.array([dt.date(2026, 1, 1)])}))},
        (),
        "{inbox}/log.parquet: column item_id is of type date and cannot be read as item_id. "
        "Allowed: bigint, decimal, double, float, int, string. "
        "Say which column it is: --set ingest.columns.item_id=COLUMN",
    ),
    "truncated gzip": (
        {"log.csv.gz": truncated(gzip.compress(rows(*[f"u{n},{n * 7919 % 1000}" for n in range(5000)])))},
        (),
        "{inbox}/log.csv.gz cannot be read: it ends in the middle.",
    ),
    "gzip that is none": ({"log.csv.gz": SOUND}, (), "{inbox}/log.csv.gz cannot be read: Not in GZIP format."),
    "a JSON array": (
        {"log.jsonl": b'[{"user_id": "u", "item_id": "a"}]'},
        (),
        "{inbox}/log.jsonl begins with a JSON array. Allowed: JSON Lines, one object on each line. "
        "Convert it, for example with: jq -c '.[]' log.jsonl > log.jsonll",
    ),
    "a name that says no format": (
        {"log.xlsx": b"PK"},
        (),
        "{inbox}/log.xlsx: its name does not say what format it has. Allowed endings: .csv, .tsv, .jsonl, .ndjson, .json, "
        ".parquet, those of text also with .gz. Rename it, move it away, or name the format of all files with --set "
        "ingest.format=csv.",
    ),
    "a folder without files": (
        {},
        (),
        'ingest.events: the folder "{inbox}" holds no file (names that begin with . or _ are left out). '
        "Allowed: a folder with at least one CSV, TSV, JSON Lines or Parquet file.",
    ),
    "a path that is not there": (
        {"log.csv": SOUND},
        ("ingest.events=nowhere",),
        'ingest.events: there is no "nowhere". Allowed: a file or a folder, local or on hdfs://.',
    ),
    "a catalogue that is not there": (
        {"log.csv": SOUND},
        ("ingest.items=nowhere",),
        'ingest.items: there is no "nowhere". Allowed: a file or a folder, local or on hdfs://.',
    ),
    "a file system that is not known": (
        {"log.csv": SOUND},
        ("ingest.events=s4://bucket/log",),
        'ingest.events: "s4://bucket/log" cannot be read: No FileSystem for scheme "s4".',
    ),
    "a catalogue without ids": (
        {"log.csv": SOUND},
        ("ingest.items={inbox}/../people.csv",),
        "/people.csv has no column item_id. Its columns: user_id, country. "
        "Say which one it is: --set ingest.columns.item_id=COLUMN",
    ),
    "a Delta table": (
        {"_delta_log/0.json": b"{}", "part.parquet": TABLE},
        (),
        "{inbox} is a Delta table: its files also hold dead rows. "
        "Write the rows to take in as plain Parquet and name that folder.",
    ),
    "too many rows that break a rule": (
        {"log.csv": rows("u1,a,rating,2026-13-01,3", "u2,b,rating,2026-02-01,4")},
        (),
        '{inbox}/log.csv, line 2, column event_ts: "2026-13-01" breaks the rule bad_timestamp.\n'
        "Allowed: ISO 8601, or a number of seconds, milli- or microseconds since 1970 (ingest.ts_unit is auto), or nothing.\n"
        "1 of 2 rows (0.5) are refused: bad_timestamp 1.\n"
        "Fix them, or let them be rejected with --set ingest.max_rejected_share=0.5 (now 0.05).",
    ),
    "an unknown setting": (
        {"log.csv": SOUND},
        ("ingest.colums.user_id=u",),
        'unknown setting "ingest.colums"; did you mean "ingest.columns"?',
    ),
    "an unknown format": (
        {"log.csv": SOUND},
        ("ingest.format=excel",),
        "setting ingest.format: Input should be 'auto',",
    ),
    "an unknown column of ours": (
        {"log.csv": SOUND},
        ("ingest.columns.userid=u",),
        'setting ingest.columns: unknown column "userid"; did you mean "user_id"?',
    ),
    "an unknown event type": (
        {"log.csv": SOUND},
        ("ingest.event_types.watch=played",),
        'setting ingest.event_types: unknown event type "played"; did you mean "play"?',
    ),
    "an unknown model": ({"log.csv": SOUND}, ("candidates.models=[alz]",), 'unknown model "alz"; did you mean "als"?'),
    "a list of no places": (
        {"log.csv": SOUND},
        ("ranking.top_k=0",),
        "setting ranking.top_k: Input should be greater than or equal to 1 (received 0)",
    ),
    "a zone that is not on Earth": (
        {"log.csv": SOUND},
        ("run.timezone=Mars/Olympus",),
        '"Mars/Olympus" is not an IANA time zone such as UTC or Europe/Berlin',
    ),
    "a warehouse that is a file": (
        {"log.csv": SOUND},
        ("run.warehouse={inbox}/log.csv",),
        "the warehouse {inbox}/log.csv is a file; run.warehouse takes a folder",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_and_nothing_written(repertoire: Command, tmp_path: Path, name: str) -> None:
    files, settings, message = REFUSED[name]
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "people.csv").write_text("user_id,country\nu1,FR\n")
    for path, data in files.items():
        (inbox / path).parent.mkdir(exist_ok=True)
        (inbox / path).write_bytes(data)
    given = [word for text in settings for word in ("--set", text.format(inbox=inbox))]
    warehouse = [] if any("run.warehouse" in text for text in settings) else ["--warehouse", tmp_path / "warehouse"]
    done = repertoire("run", "--run-date", RUN_DATE, "--set", f"ingest.events={inbox}", *warehouse, *given)
    assert done.exit_code in (1, 2) if name == "a warehouse that is a file" else done.exit_code == 2, done.output
    assert message.format(inbox=inbox) in done.stderr
    assert "Traceback" not in done.output
    assert "Exception" not in done.output
    tables = tmp_path / "warehouse" / "tables"
    written = {path.name for path in tables.iterdir()} if tables.exists() else set()
    assert written <= {"runs", "stage_costs"}, "only the ledger says that it was tried"


def test_lists_may_be_longer_than_the_catalogue(repertoire: Command, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(SOUND)
    done = repertoire(
        "recommend", tmp_path / "log.csv", "--out", tmp_path / "lists.parquet", "--top-k", 1000, "--model", "popular"
    )
    assert done.exit_code == 0, done.output
    lists = pd.read_parquet(tmp_path / "lists.parquet")
    assert sorted(zip(lists.user_id, lists.item_id, strict=True)) == [("u1", "b"), ("u2", "a")]
