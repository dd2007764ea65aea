"""Settings of the candidate models and of the scorer that they share."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field, field_validator

from repertoire.settings.search_space import Between, OneOf
from repertoire.settings.section import Section
from repertoire.vocabulary import AUTO, BLEND


class AlsSettings(Section):
    """Alternating least squares (Hu, Koren, Volinsky 2008; regularised as in Zhou et al. 2008), by Spark MLlib or by ours."""

    engine: Literal["mllib", "ials"] = Field(
        "mllib",
        description="mllib; or ials: the same objective by the solver of candidates.ials, many times as fast on large data",
    )
    rank: Annotated[int, Between(16, 256, log=True)] = Field(48, ge=1, le=2000, description="number of latent factors")
    iterations: Annotated[int, Between(4, 20, log=True)] = Field(8, ge=1, le=200, description="alternations")
    regularization: Annotated[float, Between(0.02, 2, log=True)] = Field(
        0.2, ge=0, description="ridge on the factors, times the number of ratings"
    )
    alpha: Annotated[float, Between(0.5, 40, log=True)] = Field(
        2.0, gt=0, description="confidence is 1 + alpha × strength (implicit only)"
    )
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

    rank: Annotated[int, Between(16, 256, log=True)] = Field(128, ge=1, le=2000, description="number of latent factors")
    iterations: Annotated[int, Between(4, 20, log=True)] = Field(8, ge=1, le=500, description="alternations")
    regularization: Annotated[float, Between(0.02, 2, log=True)] = Field(
        0.5, ge=0, description="ridge on the factors, times their frequency"
    )
    regularization_exponent: Annotated[float, Between(0.5, 1)] = Field(
        1.0, ge=0, le=2, description="power of the frequency in the ridge: 0 regularises all alike, 1 by their pairs"
    )
    regularize_unobserved: bool = Field(
        False, description="the frequency counts unobserved pairs, too, by their weight (Rendle et al. 2022)"
    )
    unobserved_weight: float = Field(1.0, gt=0, description="weight of a pair that did not occur, as a zero")
    alpha: Annotated[float, Between(0.5, 40, log=True)] = Field(
        8.0, gt=0, description="a pair that occurred weighs unobserved_weight + alpha × its strength"
    )
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

    similarity: Annotated[
        Literal["cosine", "jaccard", "tfidf", "bm25"], OneOf(("cosine", "jaccard", "tfidf", "bm25"))
    ] = Field("cosine", description="how alike two items are, by who wanted them")
    popularity_exponent: Annotated[float, Between(-0.1, 0.2)] = Field(
        0.0, ge=-1, le=1, description="an item of n users has its similarities divided by n^this: more of the long tail"
    )
    neighbors: Annotated[int, Between(20, 2000, log=True)] = Field(
        300, ge=1, le=100_000, description="items that speak for an item"
    )
    shrink: Annotated[float, Between(0, 2)] = Field(
        0.3, ge=0, description="added to the denominator: less trust in what few users wanted"
    )
    user_exponent: Annotated[float, Between(0, 1)] = Field(
        0.5, ge=0, le=2, description="a user of n items says 1 / n^this of each (cosine only); 0: all users say as much"
    )


class UserKnnSettings(Section):
    """Neighbours of users (Resnick et al. 1994)."""

    similarity: Annotated[
        Literal["cosine", "jaccard", "tfidf", "bm25"], OneOf(("cosine", "jaccard", "tfidf", "bm25"))
    ] = Field("cosine", description="how alike two users are, by what they wanted")
    neighbors: Annotated[int, Between(20, 1000, log=True)] = Field(
        100, ge=1, le=100_000, description="users who vote for a user's items"
    )
    shrink: Annotated[float, Between(0, 2)] = Field(
        0.0, ge=0, description="added to the denominator: less trust in users who wanted little"
    )
    item_exponent: Annotated[float, Between(0, 1)] = Field(
        0.25,
        ge=0,
        le=2,
        description="an item of n users says 1 / n^this of each (cosine only); 0: all items say as much",
    )
    power: Annotated[float, Between(0.5, 3)] = Field(
        1.0, ge=0, le=10, description="power of the similarity with which a neighbour votes"
    )
    user_exponent: Annotated[float, Between(0, 0.75)] = Field(
        0.25, ge=0, le=2, description="a neighbour of n items votes with 1 / n^this for each; 0: all with as much"
    )


class SlimSettings(Section):
    """Sparse linear models by elastic net (Ning & Karypis 2011)."""

    l1: Annotated[float, Between(0.2, 50, log=True)] = Field(
        5.0, ge=0, description="penalty on the size of weights: more of it, fewer of them"
    )
    l2: Annotated[float, Between(2, 1000, log=True)] = Field(50.0, ge=0, description="penalty on their squares")
    candidates: Annotated[int, Between(50, 1000, log=True)] = Field(
        300, ge=1, le=100_000, description="items that may have a weight for an item: the most alike"
    )
    sweeps: int = Field(30, ge=1, description="rounds of coordinate descent at most")
    tolerance: float = Field(1e-3, ge=0, description="enough where no weight changes by more in a round")


class Rp3betaSettings(Section):
    """Three-step random walks with a penalty on popularity (Paudel et al. 2017)."""

    alpha: Annotated[float, Between(0.3, 2)] = Field(
        0.8, gt=0, le=3, description="power of the transition probabilities"
    )
    beta: Annotated[float, Between(0, 1)] = Field(
        0.4, ge=0, le=2, description="power of an item's popularity that its score is divided by"
    )
    neighbors: Annotated[int, Between(20, 2000, log=True)] = Field(
        300, ge=1, le=100_000, description="items that speak for an item"
    )


class EaseSettings(Section):
    """A linear autoencoder in closed form (Steck 2019, 2020)."""

    l2: Annotated[float | None, Between(20, 5000, log=True)] = Field(
        None, gt=0, description="ridge on the items' weights, in users; null: 40 × √(pairs / items)"
    )
    ridge_exponent: Annotated[float, Between(0, 1)] = Field(
        0.5, ge=0, le=2, description="power of an item's popularity that its ridge grows with; 0: the same for all"
    )
    user_exponent: Annotated[float, Between(0, 1)] = Field(
        0.5, ge=0, le=2, description="a user of n items counts as 1 / n^this; 0: all users count as much"
    )
    neighbors: Annotated[int, Between(200, 10_000, log=True)] = Field(
        2000, ge=1, le=100_000, description="items that speak for or against an item: those of the largest weights"
    )
    max_memory_mb: int = Field(
        4096,
        ge=1,
        description="refuse item × item matrices that would take more of the driver: 16 bytes a pair of items",
    )


class GraphFilterSettings(Section):
    """Filters on the graph of users and items (Shen et al. 2021; Peng et al. 2024)."""

    neighbors: Annotated[int, Between(100, 20_000, log=True)] = Field(
        1000, ge=1, le=100_000, description="items that speak for an item in the linear filter"
    )
    user_exponent: Annotated[float, Between(0.25, 1)] = Field(
        0.5, ge=0, le=2, description="a user of n items counts as 1 / n^this in the linear filter; 0: all as much"
    )
    factors: Annotated[int | None, Between(32, 1024, log=True)] = Field(
        None, ge=1, le=2000, description="eigenvectors of the ideal low pass; null: a fortieth of the items, 32 to 1024"
    )
    low_pass_weight: Annotated[float, Between(0.1, 2, log=True)] = Field(
        0.5, ge=0, description="weight of the low pass beside the linear filter"
    )
    low_pass_user_exponent: Annotated[float, Between(0.2, 0.5)] = Field(
        0.3, ge=0, le=1, description="a user of n items has 1 / n^this of each in the matrix of the low pass"
    )
    low_pass_item_exponent: Annotated[float, Between(0.2, 0.5)] = Field(
        0.4,
        ge=0,
        le=1,
        description="an item of n users has 1 / n^this of each in it: less lets popular items weigh more",
    )
    rounds: int = Field(8, ge=1, le=100, description="rounds of subspace iteration by which the eigenvectors are found")

    def factors_for(self, items: int) -> int:
        """How many eigenvectors so many items have."""
        return self.factors or min(max(items // 40, 32), 1024)


class SequentialSettings(Section):
    """Transitions from work to work in the order of time (after Ludewig & Jannach 2018); needs event_ts."""

    neighbors: Annotated[int, Between(50, 2000, log=True)] = Field(
        300, ge=1, le=100_000, description="items that speak for an item as the next"
    )
    transition_half_life: Annotated[float | None, Between(3, 300, log=True)] = Field(
        40.0, gt=0, description="a transition counts half for so many places between its works; null: all count alike"
    )
    transition_half_life_days: float | None = Field(
        None,
        gt=0,
        description="a transition counts half for so many days between its works; null: time does not matter",
    )
    recency_half_life: Annotated[float | None, Between(2, 100, log=True)] = Field(
        7.0,
        gt=0,
        description="a user's work says half as much once so many later ones were taken; null: all say as much",
    )
    recency_half_life_days: float | None = Field(
        None,
        gt=0,
        description="a user's work says half as much where it is so many days older than the user's latest; null: never",
    )
    direction_shrink: Annotated[float, Between(0, 5)] = Field(
        1.0,
        ge=0,
        description="so much evidence that the order of two works does not matter: less trust in it where few took both",
    )
    user_exponent: Annotated[float, Between(0, 1)] = Field(
        0.5, ge=0, le=2, description="a user of n works says 1 / n^this by each transition; 0: all users say as much"
    )
    source_exponent: Annotated[float, Between(0, 1)] = Field(
        0.5, ge=0, le=2, description="a transition is divided by n^this, for n users of the work that it comes from"
    )
    target_exponent: Annotated[float, Between(0.2, 0.8)] = Field(
        0.5, ge=0, le=2, description="and by n^this, for n users of the work that it leads to"
    )
    shrink: Annotated[float, Between(0, 5)] = Field(
        1.0, ge=0, description="added to the denominator: less trust in what few users wanted"
    )


class ContentWeights(Section):
    """What each column of the catalogue counts when items are compared; 0 leaves it out."""

    title: float = Field(1.0, ge=0, description="words of the title")
    description: float = Field(1.0, ge=0, description="words of the description")
    tags: float = Field(0.5, ge=0, description="genres and tags")
    category: float = Field(0.2, ge=0, description="the category")
    creator_id: float = Field(1.0, ge=0, description="who made it")
    price: float = Field(0.1, ge=0, description="ranges of the price, each up to twice its lowest")
    released: float = Field(0.2, ge=0, description="ten years around its release")


class ContentSettings(Section):
    """Items like what a user liked, by what the catalogue says of them (Lops, de Gemmis & Semeraro 2011)."""

    weights: ContentWeights = ContentWeights()
    weighting: Literal["bm25", "tfidf"] = Field("bm25", description="how much a term says of an item")
    saturation: Annotated[float, Between(0.3, 5, log=True)] = Field(
        1.2, ge=0, description="bm25: how many occurrences of a term it takes to say half of the most that it can"
    )
    length_share: Annotated[float, Between(0, 1)] = Field(
        0.75, ge=0, le=1, description="bm25: how far long texts are discounted: 0 not at all, 1 by their length"
    )
    neighbors: Annotated[int, Between(20, 1000, log=True)] = Field(
        100, ge=1, le=100_000, description="wanted items that speak for an item: the most alike"
    )
    max_items_of_a_term: int = Field(
        20_000,
        ge=1,
        description="terms of more items are left out: they say little, and comparing takes their items times those wanted",
    )
    max_memory_mb: int = Field(
        4096, ge=1, description="refuse neighbours that would take more of the driver: 24 bytes each"
    )


class MultiSettings(Section):
    """Several behaviours, such as views, carts and purchases, each with a weight that is learnt."""

    neighbors: Annotated[int, Between(100, 3000, log=True)] = Field(
        1000, ge=1, le=100_000, description="items that speak for an item"
    )
    user_exponent: Annotated[float, Between(0, 0.75)] = Field(
        0.25, ge=0, le=2, description="a user of n items says 1 / n^this of each two of them"
    )
    item_exponent: Annotated[float, Between(0, 0.75)] = Field(
        0.3, ge=0, le=2, description="an item of n users says 1 / n^this of each other one"
    )
    validation_users: int = Field(
        3000, ge=1, description="users whose newest purchase, play, … is left out to learn the weights, at most"
    )


class BlendSettings(Section):
    """Several models together, their lists normalised for each user and added with weights."""

    sources: list[str] = Field(
        ["ease", "ials", "graph_filter", "item_knn", "sequential"], min_length=1, description="the models"
    )
    normalization: Literal["score", "rank", "reciprocal_rank"] = Field(
        "score",
        description="what an item's place in a source's list becomes before it is weighed: score: (score - the list's least) / "
        "deviation; rank: the share of the list that it is not behind; reciprocal_rank: 1 / (60 + rank), which is good without "
        "learning: weights are equal unless set (Cormack et al. 2009)",
    )
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="weight of each source; empty: learnt on pairs that are held back"
    )
    depth: int = Field(200, ge=1, le=10_000, description="items that each source proposes for a user")
    validation_users: int = Field(
        3000, ge=1, description="users of whom a fifth is held back to learn the weights, at most"
    )

    @field_validator("sources", "weights")
    @classmethod
    def _of_single_models(cls, names: Collection[str]) -> Collection[str]:
        if {AUTO, BLEND} & set(names):
            raise ValueError("a blend is made of single models: leave out auto and blend")
        return names


class AutoSettings(Section):
    """The model and its settings, chosen on a part of the log that is held back."""

    models: list[str] = Field(
        [], description="the models to choose among; empty: all but als, which ials does better at a lower price"
    )
    budget_seconds: float = Field(
        120.0,
        gt=0,
        description="no trial is begun that would not end within so many seconds; what is chosen is fitted after that, so a "
        "faster machine tries more",
    )
    trials: int | None = Field(
        None,
        ge=1,
        description="try so many at most, whatever they take: every machine then chooses the same; null: by budget_seconds",
    )
    variants: int = Field(4, ge=0, description="other settings that each of the two best models is tried with, at most")
    blend: bool = Field(True, description="the best models together, as blend, are one of the trials")
    validation_users: int = Field(
        3000, ge=10, description="users of whom a fifth is held back to judge the trials by, at most"
    )
    default_model: str = Field("ials", description="what is fitted where nothing could be tried")
    choose_days: int = Field(
        1,
        ge=1,
        le=366,
        description="choose anew so many days after the last choice; until then that one is fitted anew",
    )

    @field_validator("default_model")
    @classmethod
    def _not_itself(cls, name: str) -> str:
        if name == AUTO:
            raise ValueError("auto cannot be what is fitted where auto finds nothing: name a model")
        return name

    @field_validator("models")
    @classmethod
    def _of_single_models(cls, names: list[str]) -> list[str]:
        if {AUTO, BLEND} & set(names):
            raise ValueError(
                "auto chooses among single models, and blends the best of them by itself: leave out auto and blend"
            )
        return names


class VoteSettings(Section):
    """How much a user's vote for an item counts."""

    half_life_days: Annotated[float | None, Between(3, 1000, log=True)] = Field(
        90.0, gt=0, description="a user's vote for an item loses half its weight in so many days; null: it never does"
    )
    window_days: float | None = Field(
        None,
        gt=0,
        description="only votes of so many days before the end of the run's date count, and those without a time; null: all",
    )


class TrendingSettings(VoteSettings):
    """Popularity of late."""

    half_life_days: Annotated[float | None, Between(1, 60, log=True)] = Field(
        7.0, gt=0, description="a user's vote for an item loses half its weight in so many days; null: it never does"
    )


class PopularSettings(VoteSettings):
    """Popularity, decayed with time, overall and within segments of users."""

    segment_by: list[str] = Field(
        ["country", "age_band"], description="columns of users that make a segment; empty: no segments"
    )
    min_segment_users: int = Field(50, ge=1, description="smaller segments have no list of their own")


class CandidateSettings(Section):
    """Which models propose, how many items each, and what may not be proposed."""

    models: list[str] = Field(["als"], description="personalising models, in the order in which they fill a list")
    per_user: int | None = Field(
        None,
        ge=1,
        description="items per user and model; null: as many as ranking.top_k, and ranking.ranker.depth where a ranker "
        "orders them",
    )
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
    sequential: SequentialSettings = SequentialSettings()
    content: ContentSettings = ContentSettings()
    multi: MultiSettings = MultiSettings()
    blend: BlendSettings = BlendSettings()
    auto: AutoSettings = AutoSettings()
    ease: EaseSettings = EaseSettings()
    trending: TrendingSettings = TrendingSettings()
    popular: PopularSettings = PopularSettings()

    @property
    def looks_back(self) -> int:
        """Days before a run's date on which an earlier fit of a model may be of use."""
        return max(self.ials.warm_start_days, self.ials.refit_days - 1, self.auto.choose_days - 1)
