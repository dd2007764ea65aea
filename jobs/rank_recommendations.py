"""The stage rank_recommendations, for spark-submit; docs/operating.md has the command."""

from repertoire.cli.job import run_job

run_job("rank_recommendations")
