"""The stage build_features, for spark-submit; docs/operating.md has the command."""

from repertoire.cli.job import run_job

run_job("build_features")
