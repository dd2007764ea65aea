"""`repertoire compare RUN RUN`: two runs side by side."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from repertoire.cli.options import AsJson, Debug, Env, Set, Warehouse, overrides
from repertoire.cli.outcome import explained

if TYPE_CHECKING:
    from rich.console import Console

    from repertoire.pipeline.compare_runs import RunComparison

_SHOWN = ("ndcg", "recall", "hit_rate", "coverage", "novelty")


def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A run_date, or a run_id of `repertoire runs --json`.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="Another one.")],
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare two runs: stages, settings, figures, and their lists on what users turned to after the later one."""
    with explained(debug=debug):
        from rich.console import Console

        from repertoire.cli.sessions import lazy_session
        from repertoire.pipeline.compare_runs import compare_runs
        from repertoire.settings import load_settings
        from repertoire.store import open_warehouse

        settings = load_settings(env=env, overrides=overrides(set_, run__warehouse=warehouse))
        with lazy_session(settings, app="repertoire compare", debug=debug) as session:
            opened = open_warehouse(settings.run.warehouse, session)
            found = compare_runs(opened, session, settings, first, second)
        if as_json:
            print(json.dumps(asdict(found), default=str, indent=1))
        else:
            _print(Console(highlight=False), found)


def _print(console: "Console", found: "RunComparison") -> None:
    from rich.table import Table

    from repertoire.cli.measurements import print_measurements

    left, right = found.names
    stages = Table("stage", f"{left} s", f"{right} s", "", box=None, header_style="bold")
    for row in found.stages:
        words = [f"{name}: {row[f'{name} outcome']}" for name in found.names if row[f"{name} outcome"] != "done"]
        words += [] if row["same settings"] else ["other settings"]
        seconds = ["" if row[f"{name} seconds"] is None else f"{row[f'{name} seconds']:.1f}" for name in found.names]
        stages.add_row(row["stage"], *seconds, ", ".join(words))
    console.print(stages)
    values = {
        (row["run"], row["stage"], row["model"], row["metric"], row["k"]): row["value"]
        for row in found.figures
        if row["metric"] in _SHOWN and row["segment"] is None and row["k"]
    }
    figures = Table("each run's own measurement", left, right, box=None, header_style="bold")
    for stage, model, metric, k in dict.fromkeys(key[1:] for key in values):
        cells = [values.get((name, stage, model, metric, k)) for name in found.names]
        if " - " not in model:
            shown = ["" if cell is None else f"{cell:.4f}" for cell in cells]
            figures.add_row(f"{stage} {model} {metric}@{k}", *shown)
    if figures.row_count:
        console.print(figures)
    if found.same_places is not None:
        console.print(
            f"{found.users:,} users have lists in both; {found.same_places:.1%} of the places hold the same item, "
            f"{found.same_items:.1%} of the items are in both lists"
        )
    if found.followed:
        console.print(f"[bold]both lists on what followed the later run[/bold]: {found.followed[0].users:,} users")
        print_measurements(console, found.followed)
    else:
        console.print("nothing has followed the later run yet that both lists could be measured on")
