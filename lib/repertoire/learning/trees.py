"""Random forest and gradient-boosted trees of Spark MLlib; their trees are kept as one table and scored by `tree_kernel`."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.ml.classification import GBTClassifier, RandomForestClassifier
from pyspark.ml.util import JavaMLWritable
from scipy.special import expit

from repertoire.learning.algorithm import Algorithm, Fitted, Scores, TrainingRows
from repertoire.learning.encoder import Encoded, Form
from repertoire.learning.tree_kernel import add_trees
from repertoire.settings import LearningSettings

_FILE = "trees.parquet"


def _fit_forest(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    own = settings.random_forest
    model = RandomForestClassifier(
        numTrees=own.trees,
        maxDepth=own.max_depth,
        minInstancesPerNode=own.min_rows_per_leaf,
        subsamplingRate=own.row_share,
        featureSubsetStrategy=own.features_per_split,
        maxBins=own.bins,
        weightCol="weight",
        seed=rows.seed,
        maxMemoryInMB=512,  # nodes that are grown in one pass over the rows
        cacheNodeIds=False,
    ).fit(rows.vectors)
    return Fitted({_FILE: _trees(model, rows, [1.0] * own.trees, shares_of_classes=True)}, {"trees": own.trees})


def _fit_gbt(rows: TrainingRows, settings: LearningSettings) -> Fitted:
    own = settings.gbt
    model = GBTClassifier(
        maxIter=own.trees,
        maxDepth=own.max_depth,
        stepSize=own.learning_rate,
        minInstancesPerNode=own.min_rows_per_leaf,
        subsamplingRate=own.row_share,
        maxBins=own.bins,
        weightCol="weight",
        seed=rows.seed,
    ).fit(rows.vectors)
    return Fitted({_FILE: _trees(model, rows, list(model.treeWeights), shares_of_classes=False)}, {"trees": own.trees})


def _trees(model: JavaMLWritable, rows: TrainingRows, weights: list[float], *, shares_of_classes: bool) -> bytes:
    """The nodes of all trees as a Parquet file, read through Spark from where MLlib writes its own format.

    A node's value is its shares of the classes, or its prediction times its tree's weight.
    """
    folder = f"{rows.scratch}/{'mllib_forest' if shares_of_classes else 'mllib_gbt'}"
    model.write().overwrite().save(folder)
    nodes = rows.frame.sparkSession.read.parquet(f"{folder}/data").select("treeID", "nodeData.*").toArrow()
    nodes = nodes.sort_by([("treeID", "ascending"), ("id", "ascending")])
    tree = nodes.column("treeID").to_numpy()
    splits = nodes.column("split").combine_chunks()
    thresholds = splits.field("leftCategoriesOrThreshold")
    inner = nodes.column("leftChild").to_numpy() >= 0
    threshold = np.zeros(len(tree))
    threshold[inner] = thresholds.flatten().to_numpy()
    begins = np.searchsorted(tree, np.arange(len(weights)))
    offset = begins[tree]
    if shares_of_classes:
        statistics = np.stack(nodes.column("impurityStats").to_pylist())
        values = statistics / statistics.sum(axis=1, keepdims=True)
    else:
        values = (nodes.column("prediction").to_numpy() * np.asarray(weights)[tree])[:, None]
    table = pa.table(
        {
            "tree": pa.array(tree, pa.int32()),
            "feature": pa.array(np.where(inner, splits.field("featureIndex").to_numpy(), -1), pa.int32()),
            "threshold": pa.array(threshold),
            "left": pa.array(np.where(inner, nodes.column("leftChild").to_numpy() + offset, -1), pa.int32()),
            "right": pa.array(np.where(inner, nodes.column("rightChild").to_numpy() + offset, -1), pa.int32()),
            "value": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1]),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _sum_of_trees(files: Mapping[str, bytes]) -> tuple[Scores, int]:
    """Adds up what the trees say of encoded rows; and how many trees there are."""
    table = pq.read_table(io.BytesIO(files[_FILE]))
    tree = table.column("tree").to_numpy()
    roots = np.searchsorted(tree, np.arange(tree[-1] + 1)).astype(np.int64)
    nodes = [table.column(name).to_numpy() for name in ("feature", "threshold", "left", "right")]
    values = table.column("value").combine_chunks()
    leaves = values.flatten().to_numpy().reshape(-1, values.type.list_size)
    feature, threshold, left, right = nodes

    def sums(encoded: Encoded) -> NDArray[np.float64]:
        rows = np.ascontiguousarray(encoded.numbers)
        return np.asarray(add_trees(rows, roots, feature, threshold, left, right, leaves))

    return sums, len(roots)


def _forest_scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    sums, trees = _sum_of_trees(files)
    return lambda encoded: sums(encoded) / trees


def _gbt_scorer(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Scores:
    sums, _ = _sum_of_trees(files)

    def scores(encoded: Encoded) -> NDArray[np.float64]:
        positive = expit(2 * sums(encoded)[:, 0])  # MLlib's loss is log(1 + exp(-2 y F)), y being -1 or 1
        return np.stack([1 - positive, positive], axis=1)

    return scores


RANDOM_FOREST = Algorithm("random_forest", lambda settings: Form.ORDERED, _fit_forest, _forest_scorer)
GBT = Algorithm("gbt", lambda settings: Form.ORDERED, _fit_gbt, _gbt_scorer, two_classes=True)
