"""All stages in one application, for spark-submit; docs/operating.md has the command."""

import typer

from repertoire.cli.run import run

typer.run(run)
