"""Leases, files and the ledger in an S3, without Spark and without a network."""

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from tests.object_store import ObjectStore, serving

from repertoire.errors import LeaseHeldError, RepertoireError, SettingsError
from repertoire.pipeline.lease import Lease
from repertoire.pipeline.ledger import DONE, Entry, Ledger
from repertoire.store import Warehouse, open_warehouse
from repertoire.store.exports import LIVE, export_folder, point_live
from repertoire.tables import INTERACTIONS, RUNS

ROOT = "s3a://shop/nightly warehouse"
DAY = dt.date(2026, 3, 1)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with serving() as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        yield store


@pytest.fixture
def warehouse(store: ObjectStore) -> Warehouse:
    return open_warehouse(f"{ROOT}/")


def lease(warehouse: Warehouse, owner: str) -> Lease:
    return Lease(warehouse.files, warehouse.folder("leases"), "the whole warehouse", owner, seconds=60)


def test_what_is_created_once_is_not_created_again(warehouse: Warehouse) -> None:
    files, path = warehouse.files, warehouse.folder("a, b", "c.json")
    assert files.create(path, "one")
    assert not files.create(path, "two")
    assert files.read(path) == "one"
    files.replace(path, "three ü")
    assert files.read(path) == "three ü"
    assert files.names(warehouse.root) == ["a, b"]
    assert files.names(warehouse.folder("a, b")) == ["c.json"]


def test_what_is_not_there(warehouse: Warehouse) -> None:
    files, nothing = warehouse.files, warehouse.folder("nothing")
    assert files.read(nothing) is None
    assert files.names(nothing) == []
    assert not files.exists(nothing)
    files.delete(nothing)


def test_a_folder_is_deleted_with_all_that_it_holds_and_nothing_else(warehouse: Warehouse, store: ObjectStore) -> None:
    files = warehouse.files
    for name in ("run/a", "run/deep/b", "run2/c"):
        files.replace(warehouse.folder("scratch", name), "x")
    assert files.exists(warehouse.folder("scratch", "run"))
    files.delete(warehouse.folder("scratch", "run"))
    assert not files.exists(warehouse.folder("scratch", "run"))
    assert store.keys("shop/") == ["shop/nightly warehouse/scratch/run2/c"]


def test_of_many_leases_at_once_one_wins(warehouse: Warehouse) -> None:
    start, won, lost = threading.Barrier(6), [], []

    def contend(number: int) -> None:
        contender = lease(open_warehouse(ROOT), f"run {number}")
        start.wait()
        try:
            won.append(contender.__enter__())
        except LeaseHeldError:
            lost.append(number)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    won[0].check()
    won[0].__exit__(None, None, None)
    with lease(warehouse, "next") as following:
        following.check()


def test_a_store_that_ignores_the_condition_gets_no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(conditional=False) as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match="lets a file be created twice"):
            lease(open_warehouse(ROOT), "run A").__enter__()
        assert store.keys("") == []


def test_the_ledger_is_written_on_condition_and_by_many_at_once(warehouse: Warehouse, store: ObjectStore) -> None:
    entries = [Entry(f"run-{n}", DAY, "s", DONE, dt.datetime(2026, 3, 2, n, tzinfo=dt.UTC), "x", {}) for n in range(3)]
    Ledger(warehouse, DAY).write(entries[0])
    threads = [threading.Thread(target=Ledger(open_warehouse(ROOT), DAY).write, args=(entry,)) for entry in entries[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.run_id for entry in Ledger(warehouse, DAY).entries()] == ["run-0", "run-1", "run-2"]
    commits = {key for key in store.keys(f"shop/nightly warehouse/tables/{RUNS.name}/_delta_log/") if "json" in key}
    assert len(commits) == 4
    assert commits <= store.conditioned


def test_a_table_that_spark_will_write_is_made_once(warehouse: Warehouse) -> None:
    warehouse.tables.create(INTERACTIONS)
    warehouse.tables.create(INTERACTIONS)
    assert warehouse.tables.version(INTERACTIONS) == 0


def test_the_live_lists_are_named_by_a_file_and_the_oldest_removed(warehouse: Warehouse, store: ObjectStore) -> None:
    files = warehouse.files
    for name in ("1", "2", "3"):
        folder = export_folder(warehouse.root, name)
        files.replace(f"{folder}/part-0.parquet", name)
        point_live(files, warehouse.root, folder, keep=2)
        assert files.read(warehouse.folder(f"{LIVE}.json")) == f'{{"folder": ".exports/{name}"}}'
    assert [key.rpartition("live/")[2] for key in store.keys("shop/")] == [
        ".exports/2/part-0.parquet",
        ".exports/3/part-0.parquet",
        "recommendations.json",
    ]


def test_a_store_that_refuses_says_what_to_set(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.object_store._Handler.do_PUT", lambda self: self._body() and self._answer(403))
    with pytest.raises(RepertoireError, match="who asks: AWS_… for s3a://") as error:
        open_warehouse(ROOT).files.replace(f"{ROOT}/x", "text")
    assert "\n" not in str(error.value)
    assert "not-a-secret" not in str(error.value)


def test_a_bucket_that_is_not_there_is_said_in_the_words_of_the_store(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>"
    monkeypatch.setattr("tests.object_store._Handler.do_GET", lambda self: self._answer(404, reply))
    with pytest.raises(
        RepertoireError, match="NoSuchBucket: The specified bucket does not exist. The environment says"
    ):
        open_warehouse(ROOT).tables.version(RUNS)
