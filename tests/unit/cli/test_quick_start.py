"""When a command tells the JVM that it has little to do."""

from pathlib import Path

import pytest

from repertoire.cli.quick_start import als_in_java, quickly_started
from repertoire.settings import load_settings


@pytest.mark.parametrize(
    ("name", "size", "quick"),
    [("log.csv", 1000, True), ("log.csv", 9 * 2**20, False), ("log.csv.gz", 3 * 2**20, False), ("log.csv", 0, False)],
)
def test_little_data_starts_quickly(tmp_path: Path, name: str, size: int, quick: bool) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    settings = load_settings()
    for data in (tmp_path, tmp_path / name):
        found = quickly_started(settings, data, java_computes=False)
        assert ("-XX:TieredStopAtLevel=1" in found.spark.java_options) == quick
        assert quickly_started(settings, data, java_computes=True) == settings


def test_options_of_the_user_and_data_elsewhere_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user_id,item_id\n")
    own = load_settings(overrides=["spark.java_options=-Xss4m"])
    assert quickly_started(own, tmp_path, java_computes=False) == own
    settings = load_settings()
    assert quickly_started(settings, "hdfs://host/log", java_computes=False) == settings


def test_als_computes_in_java_where_there_is_no_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(overrides=["candidates.als.engine=mllib"])
    for native in (True, False):
        monkeypatch.setattr("repertoire.session.has_native_blas", lambda native=native: native)
        assert als_in_java(settings, ["ease", "als"]) != native
        assert not als_in_java(settings, ["ease"])
