"""Which lists are live."""

from collections.abc import Iterable
from typing import Any


def live_publication(publications: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest row of the table `publications`; None where nothing has been published."""
    return max(publications, key=lambda row: row["published_at"], default=None)
