"""Settings of the candidate models and of the scorer that they share."""

from typing import Annotated, Literal

from pydantic import Field

from repertoire.settings.section import Section


class AlsSettings(Section):
    """Alternating least squares (Hu, Koren, Volinsky 2008; regularised as in Zhou et al. 2008), by Spark MLlib or by ours."""

    engine: Literal["mllib", "ials"] = Field(
        "mllib",
        description="mllib; or ials: the same objective by the solver of candidates.ials, many times as fast on large data",
    )
    rank: int = Field(48, ge=1, le=2000, description="number of latent factors")
    iterations: int = Field(8, ge=1, le=200, description="alternations")
    regularization: float = Field(0.2, ge=0, description="ridge on the factors, times the number of ratings")
    alpha: float = Field(2.0, gt=0, description="confidence is 1 + alpha × strength (implicit only)")
    negative_weight: float = Field(
        0.0, ge=0, description="a refused pair enters as confident zero with alpha × this × its negative strength"
    )
    implicit: bool = Field(
        True, description="false fits the ratings themselves: for predicting ratings; it makes poor top-k lists"
    )
    nonnegative: bool = Field(False, description="keep factors at zero or above")
    user_blocks: int | None = Field(None, ge=1, description="blocks of users; null: from the number of pairs")
    item_blocks: int | None = Field(None, ge=1, description="blocks of items; null: from the number of pairs")
    checkpoint_interval: int = Field(10, ge=1, description="iterations between checkpoints, which cut the lineage")
    refuse_memory_share: float = Field(
        0.8, gt=0, description="refuse to start where the estimate exceeds this share of the memory that Spark has"
    )


class IalsSettings(Section):
    """Implicit ALS by conjugate gradient (Hu, Koren & Volinsky 2008; Rendle et al. 2022; Takács et al. 2011)."""

    rank: int = Field(128, ge=1, le=2000, description="number of latent factors")
    iterations: int = Field(8, ge=1, le=500, description="alternations")
    regularization: float = Field(0.5, ge=0, description="ridge on the factors, times their frequency")
    regularization_exponent: float = Field(
        1.0, ge=0, le=2, description="power of the frequency in the ridge: 0 regularises all alike, 1 by their pairs"
    )
    regularize_unobserved: bool = Field(
        False, description="the frequency counts unobserved pairs, too, by their weight (Rendle et al. 2022)"
    )
    unobserved_weight: float = Field(1.0, gt=0, description="weight of a pair that did not occur, as a zero")
    alpha: float = Field(8.0, gt=0, description="a pair that occurred weighs unobserved_weight + alpha × its strength")
    negative_weight: float = Field(
        0.0, ge=0, description="a refused pair enters as confident zero with alpha × this × its negative strength"
    )
    cg_steps: int = Field(3, ge=1, le=50, description="conjugate gradient steps for each half of an iteration")
    single_task_pairs: int | None = Field(
        None,
        ge=0,
        description="up to so many pairs are fitted in one task with threads, more are spread over all; null: by the memory",
    )
    warm_start_days: int = Field(
        0, ge=0, le=366, description="start from the newest model of the last so many run dates; 0: from random factors"
    )
    refit_days: int = Field(
        1,
        ge=1,
        le=366,
        description="fit anew so many days after the last fit; until then users and new items are folded into that model",
    )


class ItemKnnSettings(Section):
    """Neighbours of items (Sarwar et al. 2001; Deshpande & Karypis 2004)."""

    similarity: Literal["cosine", "jaccard"] = Field(
        "cosine", description="how alike two items are, by who wanted them"
    )
    neighbors: int = Field(300, ge=1, le=100_000, description="items that speak for an item")
    shrink: float = Field(0.3, ge=0, description="added to the denominator: less trust in what few users wanted")
    user_exponent: float = Field(
        0.5, ge=0, le=2, description="a user of n items says 1 / n^this of each (cosine only); 0: all users say as much"
    )


class UserKnnSettings(Section):
    """Neighbours of users (Resnick et al. 1994)."""

    similarity: Literal["cosine", "jaccard"] = Field(
        "cosine", description="how alike two users are, by what they wanted"
    )
    neighbors: int = Field(100, ge=1, le=100_000, description="users who vote for a user's items")
    shrink: float = Field(0.0, ge=0, description="added to the denominator: less trust in users who wanted little")
    item_exponent: float = Field(
        0.25,
        ge=0,
        le=2,
        description="an item of n users says 1 / n^this of each (cosine only); 0: all items say as much",
    )
    power: float = Field(1.0, ge=0, le=10, description="power of the similarity with which a neighbour votes")


class SlimSettings(Section):
    """Sparse linear models by elastic net (Ning & Karypis 2011)."""

    l1: float = Field(5.0, ge=0, description="penalty on the size of weights: more of it, fewer of them")
    l2: float = Field(50.0, ge=0, description="penalty on their squares")
    candidates: int = Field(
        300, ge=1, le=100_000, description="items that may have a weight for an item: the most alike"
    )
    sweeps: int = Field(30, ge=1, description="rounds of coordinate descent at most")
    tolerance: float = Field(1e-3, ge=0, description="enough where no weight changes by more in a round")


class Rp3betaSettings(Section):
    """Three-step random walks with a penalty on popularity (Paudel et al. 2017)."""

    alpha: float = Field(0.8, gt=0, le=3, description="power of the transition probabilities")
    beta: float = Field(0.4, ge=0, le=2, description="power of an item's popularity that its score is divided by")
    neighbors: int = Field(300, ge=1, le=100_000, description="items that speak for an item")


class EaseSettings(Section):
    """A linear autoencoder in closed form (Steck 2019)."""

    l2: float = Field(500.0, gt=0, description="ridge on the items' weights")
    neighbors: int = Field(
        2000, ge=1, le=100_000, description="items that speak for or against an item: those of the largest weights"
    )
    max_memory_mb: int = Field(
        4096,
        ge=1,
        description="refuse item × item matrices that would take more of the driver: 16 bytes a pair of items",
    )


class GraphFilterSettings(Section):
    """Filters on the graph of users and items (Shen et al. 2021)."""

    neighbors: int = Field(10_000, ge=1, le=100_000, description="items that speak for an item in the linear filter")
    factors: int = Field(128, ge=1, le=2000, description="eigenvectors of the ideal low pass")
    low_pass_weight: float = Field(0.3, ge=0, description="weight of the low pass beside the linear filter")
    rounds: int = Field(8, ge=1, le=100, description="rounds of subspace iteration by which the eigenvectors are found")


class MultiSettings(Section):
    """Several behaviours, such as views, carts and purchases, each with a weight that is learnt."""

    neighbors: int = Field(1000, ge=1, le=100_000, description="items that speak for an item")
    user_exponent: float = Field(0.25, ge=0, le=2, description="a user of n items says 1 / n^this of each two of them")
    item_exponent: float = Field(0.3, ge=0, le=2, description="an item of n users says 1 / n^this of each other one")
    validation_users: int = Field(
        3000, ge=1, description="users whose newest purchase, play, … is left out to learn the weights, at most"
    )


class BlendSettings(Section):
    """Several models together, their lists normalised for each user and added with weights."""

    sources: list[str] = Field(["ease", "ials", "graph_filter", "user_knn"], min_length=1, description="the models")
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="weight of each source; empty: learnt on pairs that are held back"
    )
    depth: int = Field(200, ge=1, le=10_000, description="items that each source proposes for a user")
    validation_users: int = Field(
        3000, ge=1, description="users of whom a fifth is held back to learn the weights, at most"
    )


class PopularSettings(Section):
    """Popularity, decayed with time, overall and within segments of users."""

    half_life_days: float | None = Field(
        90.0, gt=0, description="a user's vote for an item loses half its weight in so many days; null: it never does"
    )
    segment_by: list[str] = Field(
        ["country", "age_band"], description="columns of users that make a segment; empty: no segments"
    )
    min_segment_users: int = Field(50, ge=1, description="smaller segments have no list of their own")


class CandidateSettings(Section):
    """Which models propose, how many items each, and what may not be proposed."""

    models: list[str] = Field(["als"], description="personalising models, in the order in which they fill a list")
    per_user: int | None = Field(None, ge=1, description="items per user and model; null: as many as ranking.top_k")
    include_seen: bool = Field(False, description="propose what the user has consumed, too")
    explain: bool = Field(True, description="name the item of the user's own history that speaks most for a candidate")
    users: str = Field("", description="file with a column user_id: the only users to make lists for; empty: all")
    users_per_block: int = Field(1024, ge=1, description="users scored at once in a Python worker")
    max_item_factors_mb: int = Field(
        1024,
        ge=1,
        description="the driver and every worker hold item factors up to this; larger ones are scored in blocks from a file "
        "that each executor keeps (ials, whose fit needs them in memory, refuses them)",
    )
    als: AlsSettings = AlsSettings()
    ials: IalsSettings = IalsSettings()
    item_knn: ItemKnnSettings = ItemKnnSettings()
    user_knn: UserKnnSettings = UserKnnSettings()
    rp3beta: Rp3betaSettings = Rp3betaSettings()
    slim: SlimSettings = SlimSettings()
    graph_filter: GraphFilterSettings = GraphFilterSettings()
    multi: MultiSettings = MultiSettings()
    blend: BlendSettings = BlendSettings()
    ease: EaseSettings = EaseSettings()
    popular: PopularSettings = PopularSettings()
