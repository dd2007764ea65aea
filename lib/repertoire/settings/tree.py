"""All settings of Repertoire, as one tree of typed sections."""

import hashlib
import json
from types import SimpleNamespace
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from repertoire.settings.candidates import CandidateSettings
from repertoire.settings.evaluation import EvaluationSettings
from repertoire.settings.features import FeatureSettings
from repertoire.settings.ingest import IngestSettings
from repertoire.settings.learning import ClassifySettings
from repertoire.settings.maintenance import MaintenanceSettings
from repertoire.settings.publication import GateSettings, PublicationSettings
from repertoire.settings.ranking import RankingSettings
from repertoire.settings.section import Section
from repertoire.settings.spark import SparkSettings
from repertoire.vocabulary import TWO_STAGE


class RunSettings(Section):
    """What concerns every stage."""

    warehouse: str = Field(
        "warehouse", description="folder of all tables and models; local, hdfs://, s3a://, abfs(s)://"
    )
    timezone: str = Field("UTC", description="IANA name of the zone in which a day begins and ends")
    seed: int = Field(42, description="seed of everything random")
    lease_seconds: int = Field(120, ge=3, description="a run that gave no sign of life for so long may be taken over")
    single_writer: bool = Field(
        False, description="a run holds the whole warehouse, not its date only: s3a:// needs it (docs/object-stores.md)"
    )
    wait_seconds: int = Field(
        600, ge=0, description="how long to wait for another run's writing to events, items, users"
    )

    log: Literal["auto", "plain", "json"] = Field(
        "auto",
        description="what a run writes to stderr: auto (a moving line on a terminal, plain lines elsewhere), plain, json",
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f'"{name}" is not an IANA time zone such as UTC or Europe/Berlin')
        return name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Settings(Section):
    """The tree. `Settings()` holds every default."""

    run: RunSettings = RunSettings()
    ingest: IngestSettings = IngestSettings()
    features: FeatureSettings = FeatureSettings()
    candidates: CandidateSettings = CandidateSettings()
    ranking: RankingSettings = RankingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    gate: GateSettings = GateSettings()
    publication: PublicationSettings = PublicationSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    classify: ClassifySettings = ClassifySettings()
    spark: SparkSettings = SparkSettings()

    @model_validator(mode="after")
    def _lists_can_be_filled(self) -> "Settings":
        per_user = self.candidates.per_user
        if per_user is not None and per_user < self.ranking.top_k:
            raise ValueError(
                f"candidates.per_user is {per_user}, fewer than ranking.top_k ({self.ranking.top_k}): "
                "lists could not be filled"
            )
        return self

    def view(self, sections: tuple[str, ...]) -> SimpleNamespace:
        """Only the named sections, so that a stage cannot read what it has not declared."""
        return SimpleNamespace(**{name: getattr(self, name) for name in sections})

    def fingerprint(self, sections: tuple[str, ...]) -> str:
        """12 hex digits that change with any setting of the named sections, the time zone or the seed."""
        values = {name: getattr(self, name).model_dump(mode="json") for name in sorted(sections)}
        values["run"] = self.run.model_dump(mode="json", include={"timezone", "seed"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def with_two_stages(settings: Settings) -> Settings:
    """Settings by which ranking.ranker.sources propose, and a ranker orders: the one that is set, or rank_ndcg."""
    ranker = settings.ranking.ranker
    chosen = ranker if ranker.on else ranker.model_copy(update={"algorithm": "rank_ndcg"})
    return settings.model_copy(
        update={
            "candidates": settings.candidates.model_copy(update={"models": list(ranker.sources)}),
            "ranking": settings.ranking.model_copy(update={"ranker": chosen}),
        }
    )


def with_model(settings: Settings, model: str) -> Settings:
    """Settings by which one model proposes; `two_stage` is that of `with_two_stages`."""
    if model == TWO_STAGE:
        return with_two_stages(settings)
    return settings.model_copy(update={"candidates": settings.candidates.model_copy(update={"models": [model]})})
