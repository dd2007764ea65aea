"""`repertoire run`: the nightly job, or some stages of it. The files in jobs/ come here, too."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides, parse_date
from repertoire.cli.outcome import explained
from repertoire.errors import SettingsError

if TYPE_CHECKING:
    from repertoire.pipeline.json_progress import JsonProgress


def run(
    run_date: Annotated[
        str, typer.Option("--run-date", help="The day, YYYY-MM-DD; its events are the last ones seen.")
    ],
    env: Env = None,
    first: Annotated[str | None, typer.Option("--from", metavar="STAGE", help="Start with this stage.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="STAGE", help="End with this stage.")] = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    force: Annotated[bool, typer.Option("--force", help="Do again what is done already.")] = False,
    inputs: Annotated[
        str, typer.Option("--inputs", help="pinned: what the date's first run read; latest: let late data in.")
    ] = "pinned",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, start nothing.")] = False,
    debug: Debug = False,
) -> None:
    """Run the job for a day: logs in, a recommendation table out."""
    given = overrides(set_, run__warehouse=warehouse)
    log = json_log(env, given)
    with explained(debug=debug, log=log):
        run_stages(
            run_date=run_date,
            env=env,
            first=first,
            last=last,
            given=given,
            force=force,
            inputs=inputs,
            dry_run=dry_run,
            debug=debug,
            log=log,
        )


def run_stages(
    *,
    run_date: str,
    env: str | None,
    first: str | None,
    last: str | None,
    given: list[str],
    force: bool,
    inputs: str,
    dry_run: bool,
    debug: bool,
    log: "JsonProgress | None" = None,
) -> None:
    """Runs the stages from `first` to `last` for a date; see `run` for the arguments. Raises RepertoireError."""
    from repertoire.cli.sessions import lazy_session
    from repertoire.cli.terminal import progress_for
    from repertoire.pipeline.runner import Runner, RunOptions
    from repertoire.pipeline.stages import stages_with
    from repertoire.settings import load_settings
    from repertoire.store import open_warehouse

    day = parse_date(run_date, "--run-date")
    if inputs not in ("pinned", "latest"):
        raise SettingsError(f'--inputs takes pinned or latest, received "{inputs}"')
    settings = load_settings(env=env, overrides=given)
    options = RunOptions(run_date=day, first=first, last=last, force=force, latest=inputs == "latest")
    with lazy_session(settings, app=f"repertoire {first or 'run'} {run_date}", debug=debug) as session:
        warehouse = open_warehouse(settings.run.warehouse, session)
        progress = log or progress_for(Console(stderr=True), settings.run.log)
        runner = Runner(warehouse, settings, stages_with(first), progress, session)
        if dry_run:
            for stage in runner.check(options):
                reads = ", ".join(table.name for table in (*stage.reads, *stage.reads_if_there)) or "files"
                print(f"{stage.name}: {reads} -> {', '.join(table.name for table in stage.writes)}")
            print(f"in order: nothing was started. Warehouse: {warehouse.root}", file=sys.stderr)
            return
        runner.run(options)


def json_log(env: str | None, given: list[str]) -> "JsonProgress | None":
    """The log for machines, where the settings ask for it; also where they are wrong otherwise, so that it says so."""
    from repertoire.settings.load import read_tree
    from repertoire.settings.secrets import secret_values

    try:
        tree = read_tree(env=env, overrides=given)
    except SettingsError:
        return None
    run = tree.get("run")
    if not isinstance(run, dict) or run.get("log") != "json":
        return None
    from repertoire.pipeline.json_progress import JsonProgress

    return JsonProgress(secret_values(tree))
