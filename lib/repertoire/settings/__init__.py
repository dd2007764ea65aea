"""Typed settings: every one has a default, a type and a line that says what it does."""

from repertoire.settings.candidates import (
    AlsSettings,
    AutoSettings,
    BlendSettings,
    CandidateSettings,
    ContentSettings,
    ContentWeights,
    EaseSettings,
    GraphFilterSettings,
    IalsSettings,
    ItemKnnSettings,
    MultiSettings,
    PopularSettings,
    Rp3betaSettings,
    SequentialSettings,
    SlimSettings,
    TrendingSettings,
    UserKnnSettings,
    VoteSettings,
)
from repertoire.settings.evaluation import EvaluationSettings
from repertoire.settings.features import FeatureSettings
from repertoire.settings.ingest import IngestSettings
from repertoire.settings.learning import ClassifySettings, EncodingSettings, LearningSettings
from repertoire.settings.load import load_settings
from repertoire.settings.maintenance import MaintenanceSettings
from repertoire.settings.publication import GateSettings, PublicationSettings
from repertoire.settings.ranking import RankerSettings, RankingSettings
from repertoire.settings.spark import SparkSettings
from repertoire.settings.tree import RunSettings, Settings, with_model, with_two_stages

__all__ = [
    "AlsSettings",
    "AutoSettings",
    "BlendSettings",
    "CandidateSettings",
    "ClassifySettings",
    "ContentSettings",
    "ContentWeights",
    "EaseSettings",
    "EncodingSettings",
    "EvaluationSettings",
    "FeatureSettings",
    "GateSettings",
    "GraphFilterSettings",
    "IalsSettings",
    "IngestSettings",
    "ItemKnnSettings",
    "LearningSettings",
    "MaintenanceSettings",
    "MultiSettings",
    "PopularSettings",
    "PublicationSettings",
    "RankerSettings",
    "RankingSettings",
    "Rp3betaSettings",
    "RunSettings",
    "SequentialSettings",
    "Settings",
    "SlimSettings",
    "SparkSettings",
    "TrendingSettings",
    "UserKnnSettings",
    "VoteSettings",
    "load_settings",
    "with_model",
    "with_two_stages",
]
