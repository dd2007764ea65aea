"""The command `repertoire`."""

from typing import Annotated

import typer

from repertoire import __version__
from repertoire.cli import (
    backtest,
    classify,
    compare,
    demo,
    doctor,
    evaluate,
    history,
    metrics,
    recommend,
    report,
    run,
    show,
    tune,
    upkeep,
)

app = typer.Typer(
    name="repertoire",
    help="Nightly recommendations for creative catalogues, on Apache Spark.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("recommend")(recommend.recommend)
app.command("evaluate")(evaluate.evaluate)
app.command("run")(run.run)
app.command("backtest")(backtest.backtest)
app.command("tune")(tune.tune)
app.add_typer(classify.app, name="classify")
app.command("compare")(compare.compare)
app.command("runs")(history.runs)
app.command("publications")(history.publications)
app.command("rollback")(history.rollback)
app.command("maintain")(upkeep.maintain)
app.command("migrate")(upkeep.migrate)
app.add_typer(show.app, name="show")
app.command("report")(report.report)
app.command("metrics")(metrics.metrics)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"repertoire {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say it.")] = False,
) -> None:
    """Nightly recommendations for creative catalogues, on Apache Spark."""


def main() -> None:
    app()
