"""The Open Bandit Dataset: places of a fashion shop's slates, which two policies filled, with propensities and clicks."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from repertoire.events import cells
from repertoire.events.formats.known_file import KnownFile, PublicFormat
from repertoire.events.read_rows import FILE, RawRows
from repertoire.vocabulary import EVENT_TS, ITEM_ID, POLICY, POSITION, PROPENSITY, REWARD

_CAMPAIGNS = ("men", "women", "all")
_FEATURES = ("item_feature_1", "item_feature_2", "item_feature_3")

# random_men.csv, random/men/men.csv; random_men_item_context.csv, random/men/item_context.csv
_POLICY = r"/([^/_]+)(?:_|/[^/]+/)(?:men|women|all)(?:_item_context)?\.csv(?:\.gz)?$"
_CAMPAIGN = r"[/_](men|women|all)(?:[_/]item_context)?\.csv(?:\.gz)?$"


def _impression(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    policy = F.nullif(F.regexp_extract(FILE, _POLICY, 1), F.lit(""))
    return {POLICY: F.coalesce(columns[POLICY], policy), ITEM_ID: _of_campaign(columns[ITEM_ID])}


def _item(raw: RawRows, columns: Mapping[str, Column]) -> dict[str, Column]:
    named = [F.concat(F.lit(f"{name}="), raw.column(name)) for name in _FEATURES if name in raw.layout.names]
    return {ITEM_ID: _of_campaign(columns[ITEM_ID]), "tags": cells.sorted_tags(F.array_compact(F.array(*named)))}


def _of_campaign(number: Column) -> Column:
    """men-7: each campaign numbers its works from 0."""
    campaign = F.regexp_extract(FILE, _CAMPAIGN, 1)
    return F.when(campaign != "", F.concat(campaign, F.lit("-"), number)).otherwise(number)


FORMAT = PublicFormat(
    "open_bandit",
    "Open Bandit: slates of a fashion shop under two policies, with propensities",
    "Saito, Aihara, Matsutani and Narita (2021), Open Bandit Dataset and Pipeline; ZOZOTOWN, 26 million impressions",
    (
        KnownFile(
            "impressions",
            tuple(pattern for name in _CAMPAIGNS for pattern in (f"{name}.csv", f"*_{name}.csv")),
            keys=("timestamp", "item_id", "position", "click", "propensity_score"),
            mapped={ITEM_ID: "item_id", EVENT_TS: "timestamp", POSITION: "position"}
            | {REWARD: "click", PROPENSITY: "propensity_score"},
            kept=("user_feature_*",),
            written=_impression,
        ),
        KnownFile(
            "items",
            ("item_context.csv", "*_item_context.csv"),
            keys=("item_id", "item_feature_1"),
            mapped={ITEM_ID: "item_id"},
            written=_item,
        ),
    ),
    notes=(
        "The policy is in the name of the file or of its folder: bts_men.csv, bts/men/men.csv. Each campaign numbers its works "
        "from 0, so an item_id has the campaign before it: men-7. Positions are left, centre and right. The hashed features of "
        "the users go into the context, the user-item affinities only where ingest.context_columns names them; the hashed "
        "features of the works are tags, and item_feature_0, a number without a unit, is left out."
    ),
    told_by=(
        *(frozenset({f"{name}.csv", "item_context.csv"}) for name in _CAMPAIGNS),
        *(frozenset({f"{policy}_{name}.csv"}) for policy in ("bts", "random") for name in _CAMPAIGNS),
    ),
)
