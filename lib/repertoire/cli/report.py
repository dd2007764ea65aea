"""`repertoire report`: the morning's page, as one HTML file. Without Spark."""

import os
import uuid
from pathlib import Path
from typing import Annotated

import typer

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides, parse_date
from repertoire.cli.outcome import explained
from repertoire.cli.show import open_for_reading
from repertoire.errors import InputError


def report(
    run_date: Annotated[
        str | None, typer.Option("--run-date", help="The day; that of the live lists by default.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where the page goes.")] = Path("report.html"),
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Newest so many run dates are shown.")] = 30,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    debug: Debug = False,
) -> None:
    """Write what ran, how good the lists are and what people see as one page that works offline."""
    with explained(debug=debug):
        from repertoire.pipeline.report_on import report_on
        from repertoire.report.page import MARK, render

        day = parse_date(run_date, "--run-date") if run_date else None
        _check_out(out, MARK)
        opened = open_for_reading(env, overrides(set_, run__warehouse=warehouse))
        page = render(report_on(opened, day, days)).encode()
        draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
        try:
            draft.write_bytes(page)
            os.replace(draft, out)
        finally:
            draft.unlink(missing_ok=True)
        print(f"{out.resolve()}: {len(page) / 1e6:.1f} MB, to be opened in any browser")


def _check_out(out: Path, mark: str) -> None:
    """Raises InputError where the page cannot go, or would take the place of something that is no report."""
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; it takes the name of a file, such as {out / 'report.html'}")
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.absolute().parent}; make it, or name another place")
    if out.exists():
        with out.open("rb") as there:
            head = there.read(2_000)
        if f'name="generator" content="{mark}"'.encode() not in head:
            raise InputError(
                f"--out {out} is there and is no report of Repertoire's. Nothing was written. Name another file, or "
                "move that one away."
            )
