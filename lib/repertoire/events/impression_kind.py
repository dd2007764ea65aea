"""Impressions, the logged places of slates: their columns, and the rules that they keep."""

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events import cells, rules
from repertoire.events.columns import ITEM, SESSION, TIME, USER, Field
from repertoire.events.identity import Identity
from repertoire.events.log_kind import LogKind
from repertoire.events.read_rows import RawRows
from repertoire.events.rules import ParsedRows, Rule
from repertoire.settings import IngestSettings
from repertoire.tables import IMPRESSIONS
from repertoire.vocabulary import (
    CONTEXT,
    EVENT_TS,
    ITEM_ID,
    POLICY,
    POSITION,
    PROPENSITY,
    REWARD,
    SESSION_ID,
    USER_ID,
)

_GREATEST_INT = 2**31 - 1


def _columns(raw: RawRows, names: Mapping[str, str], settings: IngestSettings) -> dict[str, Column]:
    words = {name: cells.id_or_words(raw, names.get(name)) for name in (USER_ID, ITEM_ID, POLICY, SESSION_ID)}
    return words | {
        EVENT_TS: cells.time(raw, names.get(EVENT_TS), settings.ts_unit, settings.timezone),
        POSITION: _position(raw, names.get(POSITION)),
        PROPENSITY: cells.number(raw, names.get(PROPENSITY)),
        REWARD: _reward(raw, names.get(REWARD)),
    }


def _position(raw: RawRows, name: str | None) -> Column:
    """A whole number from 1."""
    found = cells.finite_number(raw, name)
    return F.when((found >= 1) & (found <= _GREATEST_INT) & (found == F.floor(found)), found.try_cast("int"))


def _reward(raw: RawRows, name: str | None) -> Column:
    """A number; true and false are 1 and 0."""
    return F.coalesce(cells.finite_number(raw, name), cells.truth(raw, name).cast("double"))


def _rules(rows: ParsedRows) -> list[Rule]:
    propensity = rows.ours(PROPENSITY)
    return [
        *rules.too_long(rows, USER_ID, ITEM_ID, SESSION_ID),
        *rules.times(rows),
        rows.rule("bad_position", POSITION, rows.is_unread(POSITION)),
        rows.rule("bad_propensity", PROPENSITY, rows.is_unread(PROPENSITY)),
        rows.rule("propensity_out_of_range", PROPENSITY, F.isnan(propensity) | (propensity <= 0) | (propensity > 1)),
        rows.rule("bad_reward", REWARD, rows.is_unread(REWARD)),
        *rules.missing(rows, REWARD),
    ]


IMPRESSION_KIND = LogKind(
    name="impressions",
    table=IMPRESSIONS,
    fields=(
        replace(USER, required=False),
        replace(ITEM, required=False),
        TIME,
        Field(POSITION, aliases=frozenset({"pos", "slot", "rank"})),
        Field(POLICY, aliases=frozenset({"policyname", "loggingpolicy"})),
        Field(PROPENSITY, aliases=frozenset({"propensityscore", "pscore"})),
        Field(REWARD, True, frozenset({"click", "clicked", "isclick", "label"})),
        replace(SESSION, aliases=SESSION.aliases | {"slate", "slateid", "visit", "visitid", "requestid"}),
    ),
    meanings=dict.fromkeys((USER_ID, ITEM_ID, SESSION_ID, POLICY), "id")
    | dict.fromkeys((POSITION, PROPENSITY, REWARD), "number")
    | {EVENT_TS: "time"},
    demanded=frozenset({POSITION, POLICY, PROPENSITY, REWARD}),
    # Where a log names no user, the features in the context are all that tells one visitor from another.
    identity=Identity(
        numbers=(POSITION, PROPENSITY, REWARD), texts=(USER_ID, ITEM_ID, POLICY, SESSION_ID), rest=CONTEXT
    ),
    columns=_columns,
    rules=_rules,
)
