"""`repertoire report`: where the page goes, what is refused."""

from pathlib import Path

import pytest
from click.testing import Result
from tests.ledger_rows import DAY, MadeUp
from typer.testing import CliRunner

from repertoire.cli.main import app


@pytest.fixture
def made(tmp_path: Path) -> MadeUp:
    made = MadeUp(tmp_path / "warehouse")
    made.run(DAY, "ingest_events", "failed", message="row 7 is wrong", exit_code=2)
    return made


def report(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_a_warehouse_without_a_publication_has_a_page_with_its_failures(made: MadeUp, tmp_path: Path) -> None:
    out = tmp_path / "morning.html"
    done = report("--warehouse", made.warehouse.root, "--out", out)
    assert done.exit_code == 0, done.output
    assert str(out) in done.stdout
    assert "row 7 is wrong" in out.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["morning.html", "warehouse"], "no leftovers"


def test_a_report_is_replaced_and_anything_else_is_not(made: MadeUp, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert report("--warehouse", made.warehouse.root, "--out", out).exit_code == 0
    made.run(DAY, "build_features", "failed", minute=5, message="no disk")
    assert report("--warehouse", made.warehouse.root, "--out", out).exit_code == 0
    assert "no disk" in out.read_text()
    out.write_text("<p>years of work</p>")
    refused = report("--warehouse", made.warehouse.root, "--out", out)
    assert refused.exit_code == 2
    assert "is there and is no report of Repertoire's. Nothing was written." in refused.stderr
    assert out.read_text() == "<p>years of work</p>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "."], "--out . is a folder; it takes the name of a file"),
        (["--out", "nowhere/report.html"], "there is no folder"),
        (["--run-date", "yesterday"], '--run-date: "yesterday" is not a date; write it as YYYY-MM-DD'),
        (["--run-date", "2020-01-01"], "--run-date 2020-01-01: nothing ran for that day"),
        (["--warehouse", "elsewhere"], "no warehouse at"),
        (["--days", "0"], "Invalid value for '--days'"),
    ],
)
def test_what_cannot_be_is_said(
    made: MadeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = report("--warehouse", made.warehouse.root, *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "report.html").exists()


def test_an_empty_warehouse_is_said_so(tmp_path: Path) -> None:
    empty = MadeUp(tmp_path / "warehouse")
    done = report("--warehouse", empty.warehouse.root, "--out", tmp_path / "report.html")
    assert done.exit_code == 2
    assert "nothing has run in" in done.stderr
