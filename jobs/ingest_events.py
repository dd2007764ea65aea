"""The stage ingest_events, for spark-submit; docs/operating.md has the command."""

from repertoire.cli.job import run_job

run_job("ingest_events")
