"""`repertoire report`: the morning's page, as one HTML file. Without Spark."""

from pathlib import Path
from typing import Annotated

import typer

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides, parse_date
from repertoire.cli.out_file import check_out, write_out
from repertoire.cli.outcome import explained
from repertoire.cli.show import open_for_reading


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
        check_out(out, f'name="generator" content="{MARK}"', "report.html")
        opened = open_for_reading(env, overrides(set_, run__warehouse=warehouse))
        page = render(report_on(opened, day, days)).encode()
        write_out(out, page)
        print(f"{out.resolve()}: {len(page) / 1e6:.1f} MB, to be opened in any browser")
