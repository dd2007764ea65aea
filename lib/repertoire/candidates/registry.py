"""Every candidate model by its name. A new model is one file beside the others and one line here."""

from repertoire.candidates.als import ALS
from repertoire.candidates.ials import IALS
from repertoire.candidates.popular import POPULAR
from repertoire.candidates.popular_in_segment import POPULAR_IN_SEGMENT
from repertoire.candidates.recommender import Recommender
from repertoire.errors import SettingsError, unknown_name

RECOMMENDERS: dict[str, Recommender] = {model.name: model for model in (ALS, IALS, POPULAR, POPULAR_IN_SEGMENT)}


def recommender(name: str) -> Recommender:
    """The model of that name. Raises SettingsError for one that does not exist."""
    if name not in RECOMMENDERS:
        raise SettingsError(unknown_name("model", name, RECOMMENDERS))
    return RECOMMENDERS[name]
