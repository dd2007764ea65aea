"""Every candidate model by its name. A new model is one file beside the others and one line here."""

from repertoire.candidates.als import ALS
from repertoire.candidates.auto import auto_of
from repertoire.candidates.blend import blend_of
from repertoire.candidates.content import CONTENT
from repertoire.candidates.ease import EASE
from repertoire.candidates.graph_filter import GRAPH_FILTER
from repertoire.candidates.ials import IALS
from repertoire.candidates.item_knn import ITEM_KNN
from repertoire.candidates.multi import MULTI
from repertoire.candidates.popular import POPULAR, TRENDING
from repertoire.candidates.popular_in_segment import POPULAR_IN_SEGMENT
from repertoire.candidates.recommender import Recommender
from repertoire.candidates.rp3beta import RP3BETA
from repertoire.candidates.sequential import SEQUENTIAL
from repertoire.candidates.slim import SLIM
from repertoire.candidates.user_knn import USER_KNN
from repertoire.errors import SettingsError, unknown_name
from repertoire.vocabulary import AUTO, BLEND

_MODELS = (
    ALS,
    IALS,
    ITEM_KNN,
    USER_KNN,
    RP3BETA,
    EASE,
    SLIM,
    GRAPH_FILTER,
    SEQUENTIAL,
    MULTI,
    CONTENT,
    POPULAR,
    TRENDING,
    POPULAR_IN_SEGMENT,
)

RECOMMENDERS: dict[str, Recommender] = {model.name: model for model in _MODELS}
RECOMMENDERS[BLEND] = blend_of(RECOMMENDERS.__getitem__)
RECOMMENDERS[AUTO] = auto_of(RECOMMENDERS)


def recommender(name: str) -> Recommender:
    """The model of that name. Raises SettingsError for one that does not exist."""
    if name not in RECOMMENDERS:
        raise SettingsError(unknown_name("model", name, RECOMMENDERS))
    return RECOMMENDERS[name]
