"""What the files in jobs/ call: one stage, by spark-submit, on the same code path as `repertoire run`."""

from typing import Annotated

import typer

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides
from repertoire.cli.outcome import explained
from repertoire.cli.run import json_log, run_stages


def run_job(stage: str) -> None:
    """Reads the arguments of the process and runs one stage; ends the process with the stage's exit code."""

    def job(
        run_date: Annotated[str, typer.Option("--run-date", help="The day, YYYY-MM-DD.")],
        env: Env = None,
        set_: Set = None,
        warehouse: Warehouse = None,
        force: Annotated[bool, typer.Option("--force", help="Do again what is done already.")] = False,
        inputs: Annotated[str, typer.Option("--inputs", help="pinned or latest.")] = "pinned",
        debug: Debug = False,
    ) -> None:
        given = overrides(set_, run__warehouse=warehouse)
        log = json_log(env, given)
        with explained(debug=debug, log=log):
            run_stages(
                run_date=run_date,
                env=env,
                first=stage,
                last=stage,
                given=given,
                force=force,
                inputs=inputs,
                dry_run=False,
                debug=debug,
                log=log,
            )

    job.__doc__ = f"Run the stage {stage} for a day."
    typer.run(job)
