"""Every algorithm by its name."""

from repertoire.errors import SettingsError, unknown_name
from repertoire.learning.algorithm import Algorithm
from repertoire.learning.boosting import XGBOOST
from repertoire.learning.dnn import DNN
from repertoire.learning.lambda_mart import RANK_NDCG
from repertoire.learning.linear import LOGISTIC, SVM
from repertoire.learning.naive_bayes import NAIVE_BAYES
from repertoire.learning.trees import GBT, RANDOM_FOREST

ALGORITHMS: dict[str, Algorithm] = {
    one.name: one for one in (LOGISTIC, SVM, NAIVE_BAYES, RANDOM_FOREST, GBT, XGBOOST, DNN, RANK_NDCG)
}


def algorithm(name: str) -> Algorithm:
    """The algorithm of that name. Raises SettingsError for one that does not exist."""
    if name not in ALGORITHMS:
        raise SettingsError(unknown_name("algorithm", name, ALGORITHMS))
    return ALGORITHMS[name]
