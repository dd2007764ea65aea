"""Which day a run is for."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import AirflowFailException


def run_date_of(context: Mapping[str, Any], zone: ZoneInfo) -> dt.date:
    """The parameter run_date, else the day in which the run's data interval begins.

    zone: the one of run.timezone. Raises AirflowFailException for a run that has neither, or no date there.
    """
    given = context["params"].get("run_date")
    if given:
        try:
            return dt.date.fromisoformat(given)
        except ValueError:
            raise AirflowFailException(f'parameter run_date: "{given}" is not a date such as 2026-03-01') from None
    begins = context.get("data_interval_start")
    if begins is None:
        raise AirflowFailException(
            'this run was triggered by hand and names no day: trigger it with the parameter run_date, such as {"run_date": '
            '"2026-03-01"}'
        )
    return begins.astimezone(zone).date()


def with_run_date(text: str, run_date: dt.date) -> str:
    """A text with {run_date} filled in. Other braces stay: a setting may hold some."""
    return text.replace("{run_date}", run_date.isoformat())
