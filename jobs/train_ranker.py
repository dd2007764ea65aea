"""The stage train_ranker, for spark-submit; docs/operating.md has the command."""

from repertoire.cli.job import run_job

run_job("train_ranker")
