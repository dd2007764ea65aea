"""MovieLens by name: small copies of the files' layouts, and the published files where they lie beside the project."""

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE, Files, write_files

from repertoire.errors import InputError
from repertoire.events.attributes import read_items, read_users
from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.formats.movielens import GENRES
from repertoire.events.ingest import read_log
from repertoire.events.sources import find_sources
from repertoire.settings import IngestSettings

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data"

Read = Callable[..., SimpleNamespace]


@pytest.fixture
def read(spark: SparkSession, tmp_path: Path) -> Read:
    """read(folder, **settings) → events, items and users as dicts by their ids, and the counts."""

    def run(folder: Path, **settings: Any) -> SimpleNamespace:
        chosen = IngestSettings(events=str(folder), **settings)
        sources = find_sources(spark, chosen)
        scratch = str(tmp_path / "scratch")
        events = read_log(spark, sources.events, chosen, EVENT_KIND, run_date=RUN_DATE, timezone="UTC", scratch=scratch)
        items = read_items(spark, sources.items, chosen, run_date=RUN_DATE, scratch=scratch)
        users = read_users(spark, sources.users, chosen, run_date=RUN_DATE, scratch=scratch)
        return SimpleNamespace(
            events=events,
            items={row["item_id"]: row.asDict() for row in items.rows.collect()},
            users={row["user_id"]: row.asDict() for row in users.rows.collect()},
            counts=[(c.read, c.accepted) for part in (events, items, users) for c in part.counts],
        )

    return run


def rated(found: SimpleNamespace) -> list[tuple[Any, ...]]:
    columns = ("user_id", "item_id", "event_type", "event_ts", "value")
    return sorted((tuple(row[c] for c in columns) for row in found.events.accepted.collect()), key=str)


def flags(*genres: str) -> str:
    return "|".join(str(int(genre in genres)) for genre in GENRES)


ML_100K: Files = {
    "u.data": "196\t242\t3\t881250949\n186\t302\t5\t891717742\n",
    "u.item": (
        f"1|Toy Story (1995)|01-Jan-1995||http://x|{flags('Comedy', 'Animation', chr(67) + 'hildren' + chr(39) + 's')}\n"
        f"2|Léon (1994)|4-Feb-1994||http://x|{flags('Crime')}\n"
        f"267|unknown||||{flags('unknown')}\n"
    ).encode("latin-1"),
    "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n3|7|M|student|1\n",
    "README.md": "not a log",
}

ML_1M: Files = {
    "ratings.dat": "1::1193::5::978300760\n1::661::3::978302109\n",
    "movies.dat": "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Léon (1994)::Crime\n".encode("latin-1"),
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::0::55117\n",
}


def test_the_100k_layout(read: Read, tmp_path: Path) -> None:
    found = read(write_files(tmp_path / "ml", ML_100K))
    assert rated(found) == [
        ("186", "302", "rating", dt.datetime(1998, 4, 4, 19, 22, 22), 5.0),
        ("196", "242", "rating", dt.datetime(1997, 12, 4, 15, 55, 49), 3.0),
    ]
    film = {"creator_id": None, "description": None, "price": None, "available": None, "category": "film"}
    assert found.items["1"] == film | {
        "item_id": "1",
        "title": "Toy Story (1995)",
        "tags": ["Animation", "Children's", "Comedy"],
        "released": dt.date(1995, 1, 1),
    }
    assert (found.items["2"]["title"], found.items["2"]["released"]) == ("Léon (1994)", dt.date(1994, 2, 4))
    assert (found.items["267"]["tags"], found.items["267"]["released"]) == (None, None)
    assert found.users["1"] == {
        "user_id": "1",
        "age_band": "18-24",
        "gender": "M",
        "occupation": "technician",
        "country": None,
        "consent": None,
        "joined": None,
    }
    assert (found.users["2"]["age_band"], found.users["3"]["age_band"]) == ("50-55", "under 18")


def test_a_header_line_in_u_user_is_no_user(read: Read, tmp_path: Path) -> None:
    with_header = ML_100K | {"u.user": "id|age|gender|occupation|\n1|24|M|technician|85711\n"}
    found = read(write_files(tmp_path / "ml", with_header))
    assert list(found.users) == ["1"]
    assert found.counts[-1] == (1, 1)


def test_the_1m_layout(read: Read, tmp_path: Path) -> None:
    found = read(write_files(tmp_path / "ml", ML_1M))
    assert rated(found) == [
        ("1", "1193", "rating", dt.datetime(2000, 12, 31, 22, 12, 40), 5.0),
        ("1", "661", "rating", dt.datetime(2000, 12, 31, 22, 35, 9), 3.0),
    ]
    assert found.items["1"]["tags"] == ["Animation", "Children's", "Comedy"]
    assert (found.items["2"]["title"], found.items["2"]["category"]) == ("Léon (1994)", "film")
    assert [(found.users[u]["age_band"], found.users[u]["occupation"]) for u in "123"] == [
        ("under 18", "K-12 student"),
        ("56+", "self-employed"),
        ("25-34", "other"),
    ]


@pytest.mark.parametrize("header", ["userId,movieId,rating,timestamp", "user_id,movie_id,rating,timestamp"])
def test_the_csv_layout(read: Read, tmp_path: Path, header: str) -> None:
    files: Files = {
        "ratings.csv.gz": f"{header}\n1,31,2.5,1260759144\n1,1029,3.0,\n",
        "movies.csv": 'movieId,title,genres\n31,"Birds, The (1963)",Horror|Drama\n1029,Dumbo (1941),(no genres listed)\n',
    }
    found = read(write_files(tmp_path / "ml", files))
    assert rated(found) == [
        ("1", "1029", "rating", None, 3.0),
        ("1", "31", "rating", dt.datetime(2009, 12, 14, 2, 52, 24), 2.5),
    ]
    assert found.items["31"]["title"] == "Birds, The (1963)"
    assert found.items["31"]["tags"] == ["Drama", "Horror"]
    assert (found.items["1029"]["tags"], found.items["1029"]["category"]) == (None, "film")
    assert found.users == {}


def test_items_that_settings_name_come_before_those_of_the_folder(read: Read, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "ml", ML_1M)
    write_files(tmp_path / "more", {"items.csv": "item_id,title\n7,Seven\n"})
    assert list(read(folder, items=str(tmp_path / "more" / "items.csv")).items) == ["7"]


def test_a_single_file_is_known_by_its_name(read: Read, tmp_path: Path) -> None:
    found = read(write_files(tmp_path / "ml", {"u.data.gz": "1\t2\t3\t881250949\n"}) / "u.data.gz")
    assert rated(found) == [("1", "2", "rating", dt.datetime(1997, 12, 4, 15, 55, 49), 3.0)]


def test_a_folder_without_ratings_is_refused_where_movielens_is_asked_for(read: Read, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "ml", {"movies.dat": "1::Solaris (1972)::Drama\n"})
    with pytest.raises(
        InputError, match=r"holds no events of MovieLens: ratings of films. Allowed: u.data, .* Found: movies.dat."
    ):
        read(folder, format="movielens")


def test_a_file_of_that_name_with_other_fields_is_refused(read: Read, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "ml", {"u.data": "1,2,3,4\n"})
    with pytest.raises(
        InputError, match=r"its first line has 1 fields, and u.data as it was published has 4: user_id, item_id"
    ):
        read(folder)


def published(name: str) -> Path:
    if not (PUBLISHED / name).is_dir():
        pytest.skip(f"MovieLens is not there: {PUBLISHED / name}")
    return PUBLISHED / name


def test_the_published_100k(read: Read) -> None:
    found = read(published("ml-100k"))
    assert found.counts == [(100_000, 100_000), (1_682, 1_682), (943, 943)]
    accepted = found.events.accepted
    (row,) = accepted.where("user_id = '196' and item_id = '242'").collect()
    assert (row["value"], row["event_ts"]) == (3.0, dt.datetime(1997, 12, 4, 15, 55, 49))
    stars = {row["value"]: row["count"] for row in accepted.groupBy("value").count().collect()}
    assert stars == {1.0: 6_110, 2.0: 11_370, 3.0: 27_145, 4.0: 34_174, 5.0: 21_201}
    assert found.items["50"]["title"] == "Star Wars (1977)"
    assert found.items["50"]["tags"] == ["Action", "Adventure", "Romance", "Sci-Fi", "War"]
    assert found.items["50"]["released"] == dt.date(1977, 1, 1)
    assert sum(item["released"] is None for item in found.items.values()) == 1  # item 267, of which nothing is known
    assert (found.users["1"]["age_band"], found.users["1"]["occupation"]) == ("18-24", "technician")


def test_the_published_1m(read: Read) -> None:
    found = read(published("ml-1m"))
    assert found.counts == [(1_000_209, 1_000_209), (3_883, 3_883), (6_040, 6_040)]
    accepted = found.events.accepted
    assert accepted.where("event_ts is null").count() == 607_689
    assert {row["event_type"] for row in accepted.select("event_type").distinct().collect()} == {"rating"}
    assert found.items["1"]["tags"] == ["Animation", "Children's", "Comedy"]
    assert found.users["1"]["occupation"] == "K-12 student"
    films = gzip.decompress((published("ml-1m") / "movies.dat.gz").read_bytes())
    titles = [line.split(b"::")[1] for line in films.splitlines()]
    assert {item["title"] for item in found.items.values()} == {title.decode("latin-1") for title in titles}
