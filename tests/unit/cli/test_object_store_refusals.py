"""What the command says of a warehouse that would not be safe: exit code 2, nothing started, nothing written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.object_store import ObjectStore, serving
from typer.testing import CliRunner

from repertoire.cli.main import app


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ObjectStore]:
    monkeypatch.setattr(
        "repertoire.cli.sessions.start_session", lambda *args, **options: pytest.fail("Spark was started")
    )
    monkeypatch.chdir(tmp_path)
    with serving() as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        yield store


def run(warehouse: str, *more: str) -> tuple[int, str]:
    given = [word for text in (f"run.warehouse={warehouse}", *more) for word in ("--set", text)]
    done = CliRunner().invoke(app, ["run", "--run-date", "2026-03-01", "--from", "build_features", *given])
    return done.exit_code, done.stderr


@pytest.mark.parametrize(
    ("warehouse", "more", "said"),
    [
        ("s3a://shop/warehouse", (), "Set run.single_writer=true"),
        (
            "s3a://shop/warehouse",
            (
                "run.single_writer=true",
                "spark.conf={spark.delta.logStore.s3a.impl: io.delta.storage.S3DynamoDBLogStore}",
            ),
            "spark.delta.logStore.s3a.impl is io.delta.storage.S3DynamoDBLogStore",
        ),
        ("gs://shop/warehouse", ("run.single_writer=true",), "a warehouse cannot lie on gs://"),
    ],
)
def test_an_unsafe_warehouse_is_refused(store: ObjectStore, warehouse: str, more: tuple[str, ...], said: str) -> None:
    code, message = run(warehouse, *more)
    assert code == 2
    assert said in message
    assert store.objects == {}


def test_a_safe_one_gets_as_far_as_its_tables(store: ObjectStore) -> None:
    code, message = run("s3a://shop/warehouse", "run.single_writer=true")
    assert code == 1
    assert "build_features reads table events, which s3a://shop/warehouse lacks" in message
    assert store.objects == {}
