"""Settings of supervised models: how features are prepared, and what each algorithm is fitted with."""

from typing import Annotated, Literal

from pydantic import Field

from repertoire.settings.network import NetworkSettings
from repertoire.settings.section import Section


class EncodingSettings(Section):
    """How a column becomes numbers that a model can take; all of it is fitted on training rows."""

    imputation: Literal["mean", "median", "constant"] = Field(
        "median", description="what stands for a missing number: mean, median, constant"
    )
    constant: float = Field(0.0, allow_inf_nan=False, description="that constant")
    missing_indicator: bool = Field(
        True, description="a further 0/1 feature says where a number was missing, if one was in training"
    )
    clip_quantile: float = Field(
        0.0005, ge=0, lt=0.5, description="numbers below this quantile and above 1 - it are cut to it; 0: none are"
    )
    max_levels: int = Field(
        100, ge=1, le=10_000, description="the most frequent values of a category that are told apart; others are one"
    )
    min_level_rows: int = Field(5, ge=1, description="rows that a value needs in training to be told apart")


class LogisticSettings(Section):
    """Logistic regression of Spark MLlib, on standardised features."""

    regularization: float = Field(1e-4, ge=0, description="weight of the penalty")
    elastic_net: float = Field(0.0, ge=0, le=1, description="share of the L1 penalty in it; the rest is L2")
    max_iterations: int = Field(200, ge=1, description="iterations of L-BFGS, or of OWL-QN with an L1 penalty")


class SvmSettings(Section):
    """Linear support vector machine of Spark MLlib, on standardised features; two classes."""

    regularization: float = Field(1e-4, ge=0, description="weight of the L2 penalty")
    max_iterations: int = Field(200, ge=1, description="iterations of OWL-QN")


class NaiveBayesSettings(Section):
    """Naive Bayes of Spark MLlib."""

    kind: Literal["multinomial", "gaussian"] = Field(
        "multinomial",
        description="multinomial: numbers are cut into bins, so that every factor of a probability can be read; gaussian: "
        "each feature is normal within a class",
    )
    smoothing: float = Field(1.0, gt=0, description="rows of each value that are added to each class (multinomial)")
    bins: int = Field(10, ge=2, le=100, description="bins of a number, at its quantiles (multinomial)")


class RandomForestSettings(Section):
    """Random forest of Spark MLlib."""

    trees: int = Field(100, ge=1, description="number of trees")
    max_depth: int = Field(14, ge=1, le=30, description="levels of a tree at most")
    min_rows_per_leaf: int = Field(5, ge=1, description="training rows that each side of a split keeps")
    row_share: float = Field(1.0, gt=0, le=1, description="rows drawn for each tree, with replacement")
    features_per_split: str = Field(
        "sqrt", description="features tried at a split: sqrt, log2, onethird, all, or a share"
    )
    bins: int = Field(64, ge=2, le=1024, description="bins into which numbers are cut before splits are sought")


class GbtSettings(Section):
    """Gradient-boosted trees of Spark MLlib; two classes. `xgboost` is the same idea in less time."""

    trees: int = Field(80, ge=1, description="number of trees")
    max_depth: int = Field(5, ge=1, le=30, description="levels of a tree at most")
    learning_rate: float = Field(0.15, gt=0, le=1, description="share of each tree's answer that is added")
    min_rows_per_leaf: int = Field(10, ge=1, description="training rows that each side of a split keeps")
    row_share: float = Field(0.8, gt=0, le=1, description="rows drawn for each tree")
    bins: int = Field(64, ge=2, le=1024, description="bins into which numbers are cut before splits are sought")


class XgboostSettings(Section):
    """Boosted trees of xgboost, a worker in each of Spark's tasks."""

    rounds: int = Field(1000, ge=1, description="trees at most; held-back rows say where to stop")
    patience: int = Field(50, ge=1, description="rounds without gain on held-back rows before it stops")
    learning_rate: float = Field(0.05, gt=0, le=1, description="share of each tree's answer that is added")
    max_depth: int = Field(5, ge=1, le=30, description="levels of a tree at most")
    min_child_weight: float = Field(3.0, ge=0, description="weight (second derivatives) that a leaf needs")
    row_share: float = Field(0.8, gt=0, le=1, description="rows drawn for each tree")
    feature_share: float = Field(0.6, gt=0, le=1, description="features drawn for each tree")
    l2: float = Field(1.0, ge=0, description="L2 penalty on leaves")
    bins: int = Field(256, ge=2, le=4096, description="bins into which numbers are cut before splits are sought")
    workers: int | None = Field(None, ge=1, description="tasks that train together; null: every slot, 50,000 rows each")


class LearningSettings(Section):
    """What all uses of supervised models share."""

    class_weight: Literal["none", "balanced"] = Field(
        "none",
        description="balanced: rows of rare classes count for more in training, and probabilities are corrected for it after",
    )
    calibration: Literal["auto", "none", "platt", "isotonic"] = Field(
        "auto",
        description="scores made probabilities on held-back rows: platt (a sigmoid), isotonic (a monotone step function), "
        "none; auto: platt for svm, isotonic for naive_bayes, none for the rest",
    )
    encoding: EncodingSettings = EncodingSettings()
    logistic: LogisticSettings = LogisticSettings()
    svm: SvmSettings = SvmSettings()
    naive_bayes: NaiveBayesSettings = NaiveBayesSettings()
    random_forest: RandomForestSettings = RandomForestSettings()
    gbt: GbtSettings = GbtSettings()
    xgboost: XgboostSettings = XgboostSettings()
    dnn: NetworkSettings = NetworkSettings()


Missing = Annotated[str, Field(max_length=100)]


class ClassifySettings(LearningSettings):
    """`repertoire classify`: labels of any table's rows."""

    algorithm: Literal["random_forest", "gbt", "xgboost", "logistic", "svm", "naive_bayes", "dnn"] = Field(
        "xgboost", description="what is fitted: random_forest, gbt, xgboost, logistic, svm, naive_bayes, dnn"
    )
    missing: list[Missing] = Field(
        ["", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"],
        description="values that mean nothing is known; numbers may be among them, such as -999",
    )
    holdout: float = Field(
        0.2, ge=0, lt=1, description="share of the rows that is held back to measure, to calibrate and to stop training"
    )
    refit: bool = Field(True, description="after measuring, fit once more on all rows, so that none is wasted")
    decision: Literal["most_probable", "best_f1", "balanced"] = Field(
        "most_probable",
        description="which class is predicted: most_probable; best_f1 (two classes: the threshold with the best F1 on held-back "
        "rows); balanced (the class most above its share)",
    )
    importance_repeats: int = Field(
        10, ge=0, description="shuffles of each column for its importance; 0: none is measured"
    )
    importance_rows: int = Field(5000, ge=10, description="held-back rows that importance is measured on, at most")
