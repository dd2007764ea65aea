"""The stage maintain_tables, for spark-submit; docs/maintenance.md has the command."""

from repertoire.cli.job import run_job

run_job("maintain_tables")
