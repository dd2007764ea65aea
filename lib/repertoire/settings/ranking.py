"""Settings of `rank_recommendations`."""

from pydantic import Field

from repertoire.settings.section import Section


class RankingSettings(Section):
    """How the candidates become a list."""

    top_k: int = Field(20, ge=1, le=10_000, description="length of every user's list")
