"""The stage evaluate_live, for spark-submit; docs/operating.md has the command."""

from repertoire.cli.job import run_job

run_job("evaluate_live")
