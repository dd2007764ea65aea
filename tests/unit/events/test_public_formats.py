"""Public data sets by name: a small copy of each layout goes in, our events and items come out."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from pyspark.sql import SparkSession
from tests.unit.events.conftest import RUN_DATE, Files, write_files

from repertoire.errors import InputError
from repertoire.events.attributes import read_items
from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.formats.registry import FORMATS
from repertoire.events.ingest import read_log
from repertoire.events.sources import find_sources
from repertoire.settings import IngestSettings

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data"

Read = Callable[..., SimpleNamespace]


@pytest.fixture
def read(spark: SparkSession, tmp_path: Path) -> Read:
    """read(path, **settings) → events as tuples, refused rows, items by id, counts of events."""

    def run(path: Path, **settings: Any) -> SimpleNamespace:
        chosen = IngestSettings(**{"events": str(path), "max_rejected_share": 1.0} | settings)
        sources = find_sources(spark, chosen)
        scratch = str(tmp_path / "scratch")
        found = read_log(spark, sources.events, chosen, EVENT_KIND, run_date=RUN_DATE, timezone="UTC", scratch=scratch)
        items = read_items(spark, sources.items, chosen, run_date=RUN_DATE, scratch=scratch)
        columns = ("user_id", "item_id", "event_type", "event_ts", "value", "session_id")
        return SimpleNamespace(
            events=sorted((tuple(row[c] for c in columns) for row in found.accepted.collect()), key=str),
            rejected=sorted((row["rule"], row["raw"]) for row in found.rejected.collect()),
            items={row["item_id"]: row.asDict() for row in items.rows.collect()},
            counts=[(c.read, c.accepted, c.rejected, c.duplicate) for c in found.counts],
        )

    return run


def test_settings_know_every_format() -> None:
    named = get_args(IngestSettings.model_fields["format"].annotation)
    assert set(FORMATS) == set(named) - {"auto", "csv", "tsv", "jsonl", "parquet"}


LASTFM: Files = {
    "user_artists.dat": "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t1\n",
    "artists.dat": "id\tname\turl\tpictureURL\n51\tDuran Duran\thttp://x\thttp://y\n52\tMorcheeba\thttp://x\t\n",
    "tags.dat": "tagID\ttagValue\n1\tmetal\n",
}


def test_lastfm_is_told_by_its_files(read: Read, tmp_path: Path) -> None:
    found = read(write_files(tmp_path / "lastfm", LASTFM))
    assert found.events == [("2", "51", "play", None, 13883.0, None), ("2", "52", "play", None, 1.0, None)]
    assert {n: (row["title"], row["category"]) for n, row in found.items.items()} == {
        "51": ("Duran Duran", "artist"),
        "52": ("Morcheeba", "artist"),
    }


def test_one_file_of_lastfm_needs_no_folder(read: Read, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "lastfm", {"user_artists.dat.gz": LASTFM["user_artists.dat"]})
    assert len(read(folder / "user_artists.dat.gz").events) == 2


REES46 = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
    "2019-10-01 00:00:00 UTC,view,44600062,21038,,shiseido,35.79,541312140,72d76fde\n"
    "2019-10-01 00:00:05 UTC,remove_from_cart,3900821,20530,appliances.water,aqua,33.20,554748717,9333dfbd\n"
    "2019-10-01 00:00:09 UTC,purchase,3900821,20530,appliances.water,aqua,30.00,554748717,9333dfbd\n"
)


@pytest.mark.quick
def test_rees46_is_told_by_its_header_and_is_its_own_catalogue(read: Read, tmp_path: Path) -> None:
    path = write_files(tmp_path, {"2019-Oct.csv": REES46}) / "2019-Oct.csv"
    for found in (read(path, format="rees46"), read(path, items=str(path))):
        assert found.events == [
            ("541312140", "44600062", "view", dt.datetime(2019, 10, 1), None, "72d76fde"),
            ("554748717", "3900821", "purchase", dt.datetime(2019, 10, 1, 0, 0, 9), None, "9333dfbd"),
            ("554748717", "3900821", "skip", dt.datetime(2019, 10, 1, 0, 0, 5), None, "9333dfbd"),
        ]
        product = found.items["3900821"]
        assert (product["category"], product["creator_id"], product["price"]) == ("appliances.water", "aqua", 30.0)


def test_settings_go_before_what_is_known(read: Read, tmp_path: Path) -> None:
    path = write_files(tmp_path, {"log.csv": REES46}) / "log.csv"
    found = read(path, event_types={"remove_from_cart": "dislike"}, columns={"item_id": "category_id"})
    assert {(item, kind) for _, item, kind, *_ in found.events} == {
        ("21038", "view"),
        ("20530", "dislike"),
        ("20530", "purchase"),
    }


RETAILROCKET: Files = {
    "events.csv": (
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n1433222276276,111016,addtocart,318965,\n1433222276999,111016,transaction,318965,4000\n"
    ),
    "category_tree.csv": "categoryid,parentid\n1016,213\n",
    "item_properties_part1.csv": "timestamp,itemid,property,value\n1435460400000,460429,categoryid,1338\n",
}


def test_retailrocket_takes_the_events_of_its_folder_only(read: Read, tmp_path: Path) -> None:
    found = read(write_files(tmp_path / "rr", RETAILROCKET))
    assert [(user, item, kind) for user, item, kind, *_ in found.events] == [
        ("111016", "318965", "cart"),
        ("111016", "318965", "purchase"),
        ("257597", "355908", "view"),
    ]
    assert found.events[2][3] == dt.datetime(2015, 6, 2, 5, 2, 12, 117000)


STEAM = (
    '151603712,"The Elder Scrolls V Skyrim",purchase,1.0,0\n151603712,"The Elder Scrolls V Skyrim",play,273.0,0\n'
    '5250,"Warhammer 40,000",play,0.1,0\n'
)


def test_steam_has_no_header_and_quotes_titles(read: Read, tmp_path: Path) -> None:
    found = read(write_files(tmp_path, {"steam-200k.csv": STEAM}) / "steam-200k.csv")
    assert found.events == [
        ("151603712", "The Elder Scrolls V Skyrim", "play", None, 273.0, None),
        ("151603712", "The Elder Scrolls V Skyrim", "purchase", None, 1.0, None),
        ("5250", "Warhammer 40,000", "play", None, 0.1, None),
    ]


ADJACENCY = "0 7580 3730\t5983\n1 31613\n\n2\n 3  5 \n"


@pytest.mark.quick
def test_adjacency_lists(read: Read, tmp_path: Path) -> None:
    path = write_files(tmp_path, {"train.txt.gz": ADJACENCY}) / "train.txt.gz"
    found = read(path, format="adjacency")
    assert [(user, item) for user, item, *_ in found.events] == [
        ("0", "3730"),
        ("0", "5983"),
        ("0", "7580"),
        ("1", "31613"),
        ("3", "5"),
    ]
    assert {kind for _, _, kind, *_ in found.events} == {"interaction"}
    assert found.rejected == [("missing_item_id", "2")]
    assert found.counts == [(6, 5, 1, 0)]


def test_adjacency_is_never_guessed(read: Read, tmp_path: Path) -> None:
    path = write_files(tmp_path, {"train.txt": ADJACENCY}) / "train.txt"
    with pytest.raises(InputError, match="its name does not say what format it has"):
        read(path)


def test_a_named_format_without_its_files_is_refused(read: Read, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in", {"log.csv": "user_id,item_id\n1,2\n"})
    with pytest.raises(InputError, match="holds no events of Last.fm.*Allowed: user_artists.dat, .*Found: log.csv"):
        read(folder, format="lastfm_hetrec")


PUBLISHED_SETS = [
    ("lastfm-hetrec2011/user_artists.dat.gz", {}, (92_834, 92_834, 0, 0)),
    ("rees46-sample/2019-Oct-sample.csv.gz", {}, (1_000, 1_000, 0, 0)),
    ("steam-play/steam-200k-play.csv.gz", {}, None),
    ("gowalla-lightgcn/test.txt.gz", {"format": "adjacency"}, (217_242, 217_242, 0, 0)),
]


@pytest.mark.parametrize(
    "name, settings, counts", PUBLISHED_SETS, ids=[name.split("/")[0] for name, *_ in PUBLISHED_SETS]
)
def test_the_published_files(read: Read, name: str, settings: dict[str, Any], counts: tuple[int, ...] | None) -> None:
    if not (PUBLISHED / name).exists():
        pytest.skip(f"{PUBLISHED / name} is not there")
    found = read(PUBLISHED / name, **settings)
    if counts is None:  # 70,489 rows, of which some are repeated
        rows, accepted, rejected, duplicate = found.counts[0]
        assert (rows, rejected) == (70_489, 0)
        assert len({user for user, *_ in found.events}) == 9_418
        assert (
            len({item for _, item, *_ in found.events}) == 3_598
        )  # of 3,600 titles two differ in a blank at the end only
        assert accepted + duplicate == rows
    else:
        assert found.counts == [counts]
