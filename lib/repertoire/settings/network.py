"""Settings of the feed-forward classifier that TensorFlow trains on Spark's workers."""

from typing import Annotated, Literal

from pydantic import Field

from repertoire.settings.search_space import Between
from repertoire.settings.section import Section


class NetworkSettings(Section):
    """A feed-forward network: its layers, how it learns, and how many workers share the work."""

    hidden: list[Annotated[int, Field(ge=1, le=8192)]] = Field(
        [64, 64], description="units of each hidden layer; empty: none, which is logistic regression"
    )
    activation: Literal["relu", "elu", "gelu", "selu", "silu", "tanh"] = Field(
        "relu", description="what each hidden unit does to its sum"
    )
    embedding: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="numbers that stand for a level of a coded column; null: 1.6 × levels^0.56, 50 at most",
    )
    dropout: Annotated[float, Between(0, 0.5)] = Field(
        0.0, ge=0, lt=1, description="share of the hidden units that each step leaves out"
    )
    l2: Annotated[float, Between(1e-6, 1e-2, log=True)] = Field(
        0.0, ge=0, description="ridge on the weights of all layers but the embeddings, added to the mean loss"
    )
    learning_rate: Annotated[float, Between(1e-4, 1e-2, log=True)] = Field(1e-3, gt=0, description="step size of Adam")
    batch_size: int = Field(256, ge=1, description="rows of a step, of all workers together; workers must divide it")
    epochs: int = Field(50, ge=1, description="times that every row is seen, at most")
    patience: int | None = Field(
        5, ge=1, description="stop after so many epochs in which the held-out rows' loss got no better; null: never"
    )
    min_delta: float = Field(1e-4, ge=0, description="a loss is better where it is lower by more than this")
    workers: int = Field(
        1,
        ge=1,
        description="barrier tasks that train together, each on its share of every batch; a message for each batch passes "
        "between them, so more than 1 pays for large batches and networks, or for rows that one machine cannot hold",
    )
    threads: int | None = Field(
        None, ge=1, description="threads of one worker's TensorFlow; null: the cores that are free for it"
    )
    checkpoints: str = Field(
        "",
        description="folder that every worker reaches by this path, where an interrupted training goes on from; empty: the "
        "scratch folder, where that is one of a disk",
    )
    checkpoint_seconds: float = Field(
        10.0, ge=0, description="a checkpoint is written at the end of an epoch, so many seconds after the last one"
    )
