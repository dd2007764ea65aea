"""What a model may learn from: a column, and whether its values are numbers or names."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "category"]


@dataclass(frozen=True)
class FeatureColumn:
    """A column of a table of features. number: double, null where unknown; category: string, null where unknown."""

    name: str
    kind: Kind
