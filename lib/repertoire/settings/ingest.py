"""Settings of `ingest_events`: what to read and how to understand it."""

import datetime as dt
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from repertoire.errors import unknown_name
from repertoire.settings.section import Section
from repertoire.tables import EVENTS, IMPRESSIONS, ITEMS, REVIEWS, USERS
from repertoire.vocabulary import EVENT_TYPES

PUBLIC_FORMATS = (
    "movielens", "lastfm_hetrec", "rees46", "retailrocket", "steam", "amazon_reviews", "open_bandit", "criteo", "adjacency",
)  # fmt: skip
Share = Annotated[float, Field(ge=0, le=1)]

_READ = (EVENTS, REVIEWS, IMPRESSIONS, ITEMS, USERS)
_MADE_BY_US = {"event_id", "review_id", "impression_id", "context", "source", "event_date", "valid_from", "valid_to"}
MAPPABLE_COLUMNS = tuple(
    dict.fromkeys(name for table in _READ for name in table.column_names if name not in _MADE_BY_US)
)
"""The columns that come from a file, and so may have another name there."""


class IngestSettings(Section):
    """Where the logs lie, their format, and which rows are refused."""

    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", *PUBLIC_FORMATS] = Field(  # type: ignore[valid-type]
        "auto",
        description="format of the input, or a public data set by name (docs/formats.md); auto goes by the files' names",
    )
    events: str = Field("", description="file or folder of behaviour logs; local, hdfs://, s3a://, abfs(s)://")
    reviews: str = Field(
        "", description="file or folder of reviews: text, and user_id, item_id, event_ts, value, title, …"
    )
    impressions: str = Field(
        "",
        description="file or folder of logged slates: reward, and item_id, position, policy, propensity, session_id, …",
    )
    items: str = Field("", description="file or folder of the catalogue: item_id, title, category, creator_id, tags, …")
    users: str = Field("", description="file or folder of user attributes: user_id, age_band, country, consent, …")
    columns: dict[str, str] = Field(
        {}, description="our column: the file's column, such as {user_id: visitorid, event_ts: timestamp}"
    )
    context_columns: list[str] = Field(
        [], description="further columns to keep in the context of events, reviews and impressions"
    )
    delimiter: str = Field("", max_length=1, description="field delimiter of CSV; empty: a comma, a tab for TSV")
    event_types: dict[str, str] = Field(
        {"addtocart": "cart", "transaction": "purchase", "buy": "purchase", "pv": "view", "fav": "like"},
        description="the log's word for an event type: ours",
    )
    default_event_type: Literal["auto", *EVENT_TYPES] = Field(  # type: ignore[valid-type]
        "auto",
        description="type of events that name none; auto: rating where the values look like a rating scale, "
        "play where they are other positive numbers, interaction where there are none",
    )
    ts_unit: Literal["auto", "iso", "s", "ms", "us"] = Field(
        "auto",
        description="how event_ts is written: ISO 8601 text, or seconds, milli- or microseconds since 1970; auto takes "
        "each as what it looks like (times before March 1973 in ms or us need the unit)",
    )
    timezone: str = Field("UTC", description="IANA name of the zone of those times in the log that name none")
    earliest: dt.date = Field(dt.date(1990, 1, 1), description="events before this day are refused")
    max_future_days: int = Field(1, ge=0, description="events later than this many days after run_date are refused")
    max_id_length: int = Field(512, ge=1, description="longer user or item ids are refused, in characters")
    max_rejected_share: Share = Field(
        0.05, description="past this share of refused rows the run stops, nothing written"
    )

    @field_validator("columns")
    @classmethod
    def _ours(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in MAPPABLE_COLUMNS:
                raise ValueError(unknown_name("column", name, MAPPABLE_COLUMNS))
        return columns

    @field_validator("event_types")
    @classmethod
    def _known_types(cls, event_types: dict[str, str]) -> dict[str, str]:
        for name in event_types.values():
            if name not in EVENT_TYPES:
                raise ValueError(unknown_name("event type", name, EVENT_TYPES))
        return {word.strip().lower(): name for word, name in event_types.items()}

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f'"{name}" is not an IANA time zone such as UTC or Europe/Berlin')
        return name
