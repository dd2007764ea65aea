"""`repertoire runs | publications | rollback`: what happened, what is live, and back."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as RichTable

from repertoire.cli.options import AsJson, Debug, Env, Set, Warehouse, overrides, parse_date
from repertoire.cli.outcome import explained

Rows = list[dict[str, Any]]


def runs(
    run_date: Annotated[str | None, typer.Option("--run-date", help="Only this day.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="Newest so many stages.")] = 30,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List what ran: each stage with its outcome, rows and seconds. Newest last."""
    with explained(debug=debug):
        from repertoire.tables import RUNS

        where = [("run_date", "=", parse_date(run_date, "--run-date"))] if run_date else []
        rows = sorted(_rows(RUNS, env, overrides(set_, run__warehouse=warehouse), where), key=lambda r: r["started_at"])
        shown = rows[-limit:] if as_json else [_in_words(row) for row in rows[-limit:]]
        columns = ("run_date", "stage", "status", "started_at", "seconds", "spark_jobs", "rows", "message")
        _print(shown, columns, as_json, "nothing has run here yet")


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """Rows written as text; of the message, what went wrong, if anything did."""
    written = json.loads(row["rows_written"] or "{}")
    wrong = row["message"].splitlines()[-1] if row["message"] and row["status"] not in ("done", "running") else None
    return row | {"rows": ", ".join(f"{count:,} {name}" for name, count in written.items()), "message": wrong}


def publications(
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List what was live when. The last line is what is live now."""
    with explained(debug=debug):
        from repertoire.tables import PUBLICATIONS

        rows = _rows(PUBLICATIONS, env, overrides(set_, run__warehouse=warehouse), [])
        _print(
            sorted(rows, key=lambda row: row["published_at"]),
            ("published_at", "action", "run_date", "users", "rows", "table_version", "run_id"),
            as_json,
            "nothing has been published here yet",
        )


def rollback(
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="The run_date to go back to.")] = None,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    debug: Debug = False,
) -> None:
    """Make the lists live again that were live before."""
    with explained(debug=debug):
        import uuid

        from repertoire.cli.sessions import lazy_session
        from repertoire.pipeline.lease import Lease, utc_now
        from repertoire.pipeline.rollback import roll_back
        from repertoire.settings import load_settings
        from repertoire.store import open_warehouse

        settings = load_settings(env=env, overrides=overrides(set_, run__warehouse=warehouse))
        day = parse_date(to, "--to") if to else None
        run_id = f"rollback-{uuid.uuid4().hex[:8]}"
        with lazy_session(settings, app="repertoire rollback", debug=debug) as session:
            opened = open_warehouse(settings.run.warehouse, session)
            with Lease(
                opened.files,
                opened.folder("leases"),
                "publication",
                f"run {run_id}",
                seconds=settings.run.lease_seconds,
                wait=settings.run.wait_seconds,
            ):
                was, now = roll_back(
                    opened, settings.publication, to=day, now=utc_now(), run_id=run_id, session=session
                )
        print(f"live: the lists of {now['run_date']}, {now['users']:,} users; before: those of {was['run_date']}")


def _rows(table: Any, env: str | None, given: list[str], where: list[tuple[str, str, Any]]) -> Rows:
    from repertoire.settings import load_settings
    from repertoire.store import open_warehouse

    warehouse = open_warehouse(load_settings(env=env, overrides=given).run.warehouse)
    found: Rows = warehouse.tables.rows(table, where=where).to_pylist()
    return found


def _print(rows: Rows, columns: tuple[str, ...], as_json: bool, empty: str) -> None:
    if as_json:
        print(json.dumps(rows, default=str, indent=1))
    elif not rows:
        print(empty)
    else:
        console = Console()
        if not console.is_terminal:
            console.width = 240  # a file has no edge to wrap at
        table = RichTable(box=None, header_style="bold")
        for name in columns:
            table.add_column(name.replace("_", " "), no_wrap=name in ("run_date", "stage", "status", "action"))
        for row in rows:
            table.add_row(*[_text(row[column]) for column in columns])
        console.print(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "strftime") and hasattr(value, "hour"):
        return str(value.strftime("%Y-%m-%d %H:%M:%S"))
    return str(value)
