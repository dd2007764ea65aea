"""The `repertoire` command and what spark-submit runs."""
