"""Fits several models of which some may have nothing to learn from."""

from collections.abc import Callable, Iterable

from repertoire.candidates.recommender import FittedModel
from repertoire.errors import InputError, SettingsError


def fit_each(
    sources: Iterable[str], fit: Callable[[str], FittedModel], say: Callable[[str], None], who: str
) -> dict[str, FittedModel]:
    """source → its model. One that cannot be fitted is left out with a word in the name of `who`; raises what the last one
    raised where none can."""
    found: dict[str, FittedModel] = {}
    last: Exception | None = None
    for source in sources:
        try:
            found[source] = fit(source)
        except (SettingsError, InputError) as error:
            say(f"{who}: without {source}: {error}")
            last = error
    if last is not None and not found:
        raise last
    return found
