"""What an encoder takes from training rows."""

import math

import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.learning.encoder import CategoryCode, Form, NumberCode
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.fit_encoder import fit_encoder
from repertoire.settings import EncodingSettings

COLUMNS = [FeatureColumn("n", "number"), FeatureColumn("c", "category"), FeatureColumn("`odd`", "number")]


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    values = [
        (1.0, "a", 1),
        (2.0, "a", 1),
        (3.0, "a", 0),
        (4.0, "b", 0),
        (None, "b", 0),
        (100.0, None, 1),
        (5.0, "rare", 1),
    ]
    return spark.createDataFrame(
        [(n, c, 2.0, label) for n, c, label in values], "n double, c string, ```odd``` double, __label int"
    )


def _fit(rows: DataFrame, form: Form = Form.ONE_HOT, **settings: object) -> list[NumberCode | CategoryCode]:
    chosen = EncodingSettings.model_validate({"clip_quantile": 0, "min_level_rows": 2, **settings})
    return list(fit_encoder(rows, COLUMNS, form=form, settings=chosen, positive=1, bins=2).columns)


def test_numbers_are_filled_with_the_median_and_standardised_as_they_will_be(rows: DataFrame) -> None:
    number = _fit(rows)[0]
    assert isinstance(number, NumberCode)
    filled = [1.0, 2.0, 3.0, 4.0, 3.0, 100.0, 5.0]
    mean = sum(filled) / 7
    assert (number.fill, number.low, number.high, number.missing) == (3.0, 1.0, 100.0, True)
    assert number.mean == pytest.approx(mean)
    assert number.deviation == pytest.approx(math.sqrt(sum((value - mean) ** 2 for value in filled) / 7))


def test_the_filler_may_be_the_mean_or_a_constant(rows: DataFrame) -> None:
    mean, other = _fit(rows, imputation="mean")[0], _fit(rows, imputation="constant", constant=-7)[0]
    assert isinstance(mean, NumberCode)
    assert isinstance(other, NumberCode)
    assert mean.fill == pytest.approx(115 / 6)
    assert (other.fill, other.low) == (-7.0, 1.0)  # what others are cut to is not asked of it


def test_numbers_are_clipped_at_quantiles(rows: DataFrame) -> None:
    number = _fit(rows, clip_quantile=0.2)[0]
    assert isinstance(number, NumberCode)
    assert (number.low, number.high) == (2.0, 5.0)


def test_levels_are_the_frequent_ones_most_frequent_first_ordered_by_the_share_of_the_class(rows: DataFrame) -> None:
    category = _fit(rows)[1]
    assert isinstance(category, CategoryCode)
    assert (category.levels, category.missing) == (("a", "b"), True)
    share = 4 / 7
    rates = [(1 + 10 * share) / 11, (2 + 10 * share) / 13, (0 + 10 * share) / 12, (1 + 10 * share) / 11]
    expected = [sorted(set(rates)).index(rate) for rate in rates]
    assert list(category.order) == expected  # other, a, b, missing


def test_at_most_max_levels_are_told_apart(rows: DataFrame) -> None:
    category = _fit(rows, max_levels=1)[1]
    assert isinstance(category, CategoryCode)
    assert category.levels == ("a",)


def test_a_constant_gives_no_division_by_zero(rows: DataFrame) -> None:
    constant = _fit(rows)[2]
    assert isinstance(constant, NumberCode)
    assert (constant.name, constant.deviation, constant.missing) == ("`odd`", 1.0, False)


def test_bins_are_cut_at_quantiles(rows: DataFrame) -> None:
    number = _fit(rows, form=Form.BINNED)[0]
    assert isinstance(number, NumberCode)
    assert number.cuts == (3.0,)


def test_partitions_do_not_matter(rows: DataFrame) -> None:
    assert _fit(rows.repartition(3)) == _fit(rows.coalesce(1))
