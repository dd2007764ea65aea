"""Settings of the gate and of the publication."""

from pydantic import Field

from repertoire.settings.section import Section


class GateSettings(Section):
    """What must hold before lists go live. It fails closed: what was not measured does not pass."""

    require_evaluation: bool = Field(True, description="refuse lists whose backtest could not be measured")
    metric: str = Field("ndcg", description="the metric that is compared with popularity's")
    k: int = Field(10, ge=1, description="at this length of the list")
    max_loss_to_popular: float = Field(0.0, ge=0, description="share by which the metric may lie below popularity's")
    min_coverage: float = Field(
        0.01, ge=0, le=1, description="share of the eligible catalogue that somebody must be shown"
    )
    min_filled: float = Field(0.95, ge=0, le=1, description="share of users × top_k that must be filled")
    max_fewer_users: float = Field(
        0.2, ge=0, le=1, description="share of users that may be lost against the live lists"
    )


class PublicationSettings(Section):
    """Where the lists go, and how long what went before is kept."""

    export_files: int = Field(1, ge=1, description="Parquet files in live/recommendations")
    keep_exports: int = Field(3, ge=1, description="exports kept on disk for readers that still have one open")
