"""Small files: exclusive creation, atomic replacement, swapping what a folder shows."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import RepertoireError
from repertoire.store.files import Files, HadoopFiles, LocalFiles


@pytest.fixture(params=["local", "hadoop"])
def files(request: pytest.FixtureRequest, spark: SparkSession) -> Files:
    return LocalFiles() if request.param == "local" else HadoopFiles(lambda: spark)


@pytest.fixture
def root(request: pytest.FixtureRequest, files: Files, tmp_path: Path) -> str:
    return str(tmp_path) if isinstance(files, LocalFiles) else tmp_path.as_uri()


def test_what_is_created_once_is_not_created_again(files: Files, root: str) -> None:
    assert files.create(f"{root}/a/b.json", "one")
    assert not files.create(f"{root}/a/b.json", "two")
    assert files.read(f"{root}/a/b.json") == "one"
    assert [name for name in files.names(f"{root}/a") if not name.startswith(".")] == ["b.json"]


def test_replace_writes_whether_there_is_one_or_not(files: Files, root: str) -> None:
    files.replace(f"{root}/c/d", "old")
    files.replace(f"{root}/c/d", "new ü")
    assert files.read(f"{root}/c/d") == "new ü"


def test_what_is_not_there(files: Files, root: str) -> None:
    assert files.read(f"{root}/nothing") is None
    assert files.names(f"{root}/nothing") == []
    assert not files.exists(f"{root}/nothing")
    files.delete(f"{root}/nothing")


def test_point_shows_one_folder_after_the_other(files: Files, root: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        files.create(f"{root}/live/.exports/{name}/part", name)
        files.point(f"{root}/live/recommendations", f"{root}/live/.exports/{name}")
        assert (tmp_path / "live" / "recommendations" / "part").read_text() == name


def test_point_refuses_to_replace_a_folder_that_somebody_else_made(tmp_path: Path) -> None:
    (tmp_path / "live" / "recommendations").mkdir(parents=True)
    (tmp_path / "live" / "recommendations" / "mine.txt").write_text("keep")
    (tmp_path / "new").mkdir()
    with pytest.raises(RepertoireError, match="move it away"):
        LocalFiles().point(str(tmp_path / "live" / "recommendations"), str(tmp_path / "new"))
    assert (tmp_path / "live" / "recommendations" / "mine.txt").read_text() == "keep"
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == ["recommendations"]
