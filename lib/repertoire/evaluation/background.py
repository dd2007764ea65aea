"""What was known when the lists were made, for the metrics that look beyond hits."""

from dataclasses import dataclass

from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Background:
    """Every part is optional, and brings the metrics that need it.

    history: user_id, item_id of what each user had consumed; no pair twice. It gives novelty, popularity,
    popularity_lift and serendipity. tags: item_id, tags array<string>; no item twice. It gives diversity, and with the
    history miscalibration. catalogue_size: how many items could have been recommended; it gives auc, coverage and gini.
    segments: user_id, segment; every figure is then given for each of these groups of users, too, and a user may be in
    several.

    The frames are read more than once: whoever gives some that are costly to compute materialises them first.
    """

    history: DataFrame | None = None
    tags: DataFrame | None = None
    catalogue_size: int | None = None
    segments: DataFrame | None = None

    def __post_init__(self) -> None:
        if self.catalogue_size is not None and self.catalogue_size < 1:
            raise ValueError(f"catalogue_size must be positive, received {self.catalogue_size}")


NOTHING_KNOWN = Background()
