"""`repertoire metrics`: the figures by which the job is watched, as Prometheus reads them. Without Spark, but on HDFS."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides
from repertoire.cli.out_file import check_out, write_out
from repertoire.cli.outcome import explained

_MARK = "# HELP repertoire_info"


def metrics(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A file that is replaced as a whole, such as one of node_exporter's; else stdout."),
    ] = None,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    debug: Debug = False,
) -> None:
    """Write how the stages ended, what they cost, what is live and how good it is, for Prometheus."""
    with explained(debug=debug):
        from repertoire.cli.sessions import lazy_session
        from repertoire.cli.show import open_for_reading
        from repertoire.monitoring.exposition import exposition
        from repertoire.pipeline.lease import utc_now
        from repertoire.pipeline.run_metrics import run_metrics
        from repertoire.settings import load_settings

        if out:
            check_out(out, _MARK, "metrics.prom")
        given = overrides(set_, run__warehouse=warehouse)
        settings = load_settings(env=env, overrides=given)
        with lazy_session(settings, app="repertoire metrics", debug=debug) as session:
            opened = open_for_reading(env, given, session)  # leases are files: on HDFS Spark reads them
            text = exposition(run_metrics(opened, settings.run.zone, utc_now()))
        if out:
            write_out(out, text.encode())
        else:
            sys.stdout.write(text)
