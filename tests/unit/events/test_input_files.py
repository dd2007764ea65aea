import gzip
import hashlib
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.events.input_files import check_unchanged, distinct_contents, list_files, read_head, read_tail


def test_a_file_is_known_by_the_checksum_of_its_bytes(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"user_id,item_id\nu,i\n")
    (file,) = list_files(spark, str(path))
    assert file.path == str(path)
    assert (file.name, file.below, file.bytes) == ("a.csv", "a.csv", 20)
    assert file.content_id == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_is_walked_in_order_and_hidden_names_are_left_out(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("b.csv", "a/z.csv", "a/y.csv", ".hidden.csv", "_SUCCESS", "_temporary/x.csv", ".git/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [file.below for file in list_files(spark, str(tmp_path))] == ["a/y.csv", "a/z.csv", "b.csv"]


@pytest.mark.parametrize("spelling", ["{}", "file:{}", "file://{}"])
def test_a_local_path_may_be_written_as_a_url(spark: SparkSession, tmp_path: Path, spelling: str) -> None:
    (tmp_path / "a.csv").write_text("x")
    (file,) = list_files(spark, spelling.format(tmp_path / "a.csv"))
    assert file.path == str(tmp_path / "a.csv")


def test_a_relative_path_is_meant_from_here(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("x")
    monkeypatch.chdir(tmp_path)
    (file,) = list_files(spark, "a.csv")
    assert file.path == str(tmp_path / "a.csv")


def test_what_is_not_there_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'ingest.items: there is no ".*nowhere.csv". Allowed: a file or a folder'):
        list_files(spark, str(tmp_path / "nowhere.csv"), "items")


def test_a_folder_without_files_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").write_text("")
    with pytest.raises(InputError, match=r"ingest.events: the folder .* holds no file"):
        list_files(spark, str(tmp_path))


def test_an_unknown_file_system_is_refused_without_a_stack_trace(spark: SparkSession) -> None:
    with pytest.raises(InputError, match=r'^ingest.events: "ftps://host/log" cannot be read: No FileSystem for scheme'):
        list_files(spark, "ftps://host/log")


def test_a_delta_table_is_refused_for_its_dead_rows(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="is a Delta table"):
        list_files(spark, str(tmp_path))


def test_equal_files_are_taken_once(spark: SparkSession, tmp_path: Path) -> None:
    for name, text in (("a.csv", "x"), ("b.csv", "y"), ("c.csv", "x"), ("d.csv", ""), ("e.csv", "")):
        (tmp_path / name).write_text(text)
    kept, notes = distinct_contents(list_files(spark, str(tmp_path)))
    assert [file.name for file in kept] == ["a.csv", "b.csv", "d.csv"]
    assert notes == [f"{tmp_path}/c.csv holds the same bytes as {tmp_path}/a.csv and is left out"]


def test_the_ends_of_a_file_can_be_looked_at(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"0123456789")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"0123456789"))
    plain, packed = list_files(spark, str(tmp_path))
    assert read_head(spark, plain, 4) == read_head(spark, packed, 4) == b"0123"
    assert read_head(spark, plain, 99) == b"0123456789"
    assert read_tail(spark, plain, 4) == b"6789"
    assert read_tail(spark, plain, 99) == b"0123456789"


def test_a_file_that_changes_or_vanishes_is_noticed(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")
    files = list_files(spark, str(path))
    check_unchanged(spark, files)
    path.write_text("xy")
    with pytest.raises(InputError, match="changed while it was read"):
        check_unchanged(spark, files)
    path.unlink()
    with pytest.raises(InputError, match="vanished while it was read"):
        check_unchanged(spark, files)
