"""The stage generate_candidates, for spark-submit; docs/operating.md has the command."""

from repertoire.cli.job import run_job

run_job("generate_candidates")
